'use strict';
// Builds and runs the coverage-guided fuzzers of native parsers (Linux, GCC or Clang with their sanitizers):
// node scripts/dev/fuzz-native.js NAME [--inputs N] [--seed S] [--restart] [--replay FILE]
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { configureAndBuild } = require('../cmake');
const { loadLib, root } = require('../load');
const { run } = require('../run');

const TARGETS = { 'tensor-file': 'kappaface_fuzz_tensor_file', broken: 'kappaface_fuzz_broken' };

async function main() {
  const { values, positionals } = parseArgs({
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      restart: { type: 'boolean', default: false },
      replay: { type: 'string' },
    },
    allowPositionals: true,
  });
  const target = TARGETS[positionals[0]];
  if (target === undefined) throw new Error(`Expected one of: ${Object.keys(TARGETS).join(', ')}.`);
  const lib = await loadLib('libtorch/index');
  const libtorch = lib.findLibtorch();
  const out = path.join(root, 'build', 'fuzz-native');
  await lib.withLock(path.join(out, '.build.lock'), () =>
    configureAndBuild({
      out,
      config: 'Release',
      libtorch,
      jobs: lib.buildJobs(),
      target,
      options: { KAPPA_FUZZ: 'ON' },
    }),
  );
  const folder = path.join(root, 'build', 'fuzz', `${positionals[0]}-native-${values.seed}`);
  if (values.restart) fs.rmSync(folder, { recursive: true, force: true });
  const what = values.replay === undefined ? [] : [path.resolve(values.replay)];
  const code = await run(
    path.join(out, target),
    ['--runs', values.inputs, '--seed', values.seed, '--folder', folder, ...what],
    {
      env: {
        // An allocation of more than the small inputs can ask for is a finding.
        ASAN_OPTIONS: 'detect_leaks=0:max_allocation_size_mb=256:allocator_may_return_null=0',
        UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
        ...process.env,
      },
    },
  );
  if (code !== 0) {
    const failing = path.relative('', path.join(folder, 'failing-input'));
    console.error(`FOUND; replay: npm run fuzz -- ${positionals[0]} --replay ${failing}`);
  }
  process.exitCode = code;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
