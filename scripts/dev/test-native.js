'use strict';
// Builds and runs the C++ tests: node scripts/dev/test-native.js [--sanitize[=address|=thread]]. Thread by itself
// tests what threads share: runtime and head.
const path = require('node:path');
const { parseArgs } = require('node:util');
const { configureAndBuild } = require('../cmake');
const { loadLib, root } = require('../load');
const { run } = require('../run');

async function main() {
  const args = process.argv.slice(2).map((arg) => (arg === '--sanitize' ? '--sanitize=address' : arg));
  const { sanitize = 'OFF' } = parseArgs({ args, options: { sanitize: { type: 'string' } } }).values;
  if (!['OFF', 'address', 'thread'].includes(sanitize))
    throw new Error(`Expected --sanitize=address or --sanitize=thread but received ${sanitize}.`);
  const lib = await loadLib('libtorch/index');
  const libtorch = lib.findLibtorch();
  // Beside the addon, of whose objects they take most.
  const out = path.join(root, 'build', ...(sanitize === 'OFF' ? [] : [`tests-${sanitize}`]));
  const build = () =>
    configureAndBuild({
      out,
      config: 'Release',
      libtorch,
      jobs: lib.buildJobs(),
      target: 'kappaface_tests',
      options: { KAPPA_SANITIZE: sanitize },
    });
  await lib.withLock(path.join(out, '.build.lock'), build);

  const program = path.join(out, process.platform === 'win32' ? 'kappaface_tests.exe' : 'kappaface_tests');
  let counts;
  const code = await run(program, [], {
    cwd: root,
    onLine: (line) => {
      counts = /(\d+) passed, (\d+) failed/.exec(line) ?? counts;
      console.log(line);
    },
    // LibTorch keeps its registries until the process ends, which a leak checker takes for leaks.
    env: {
      ASAN_OPTIONS: 'detect_leaks=0',
      UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
      TSAN_OPTIONS: `halt_on_error=1:suppressions=${path.join(root, 'native', 'test', 'tsan.txt')}`,
      ...process.env,
    },
  });
  // A crash prints no counts, or counts that do not know of it.
  const failed = Number(counts?.[2] ?? 0);
  if (code !== 0 && failed === 0) throw new Error(`The tests ended with exit code ${code}.`);
  if (!counts) throw new Error('The tests did not say how many passed.');
  process.exitCode = failed > 0 ? 1 : 0;
}

main().catch((error) => {
  console.error(error.message);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
});
