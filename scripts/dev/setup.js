'use strict';
/* global AbortController */
// npm's prepare hook: makes a clone ready to run. KAPPA_SKIP_BUILD=1 leaves out LibTorch and the native build.
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { performance } = require('node:perf_hooks');
const { cleanDist } = require('./clean-dist');
const { compileConfigs } = require('./compile-configs');
const { linkBin } = require('./link-bin');
const { loadLib, root } = require('../load');
const { run } = require('../run');

const LOG = path.join(root, 'build', 'setup.log');

/** Writes to the terminal and to the log: npm hides what scripts print. */
function say(line) {
  console.log(line);
  logLine(line);
}

function logLine(line) {
  fs.appendFileSync(LOG, `${line}\n`);
}

function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** Runs one step and tells how it went. */
async function step(title, work) {
  const start = performance.now();
  logLine(`--- ${title}`);
  const result = await work();
  say(`  ${title}: ${result} (${seconds(start)})`);
}

/** Runs a program; its output goes to the log, and the end of it to the terminal should it fail. */
async function runLogged(command, args, failure, onLine) {
  const lines = [];
  const code = await run(command, args, {
    cwd: root,
    onLine: (line) => {
      logLine(line);
      lines.push(line);
      onLine?.(line);
    },
  });
  if (code !== 0) throw new Error(`${lines.slice(-60).join('\n')}\n${failure}`);
}

/** Hash of all that the compiled TypeScript depends on. */
function hashTypeScript(compiler) {
  const hash = createHash('sha256').update(fs.readFileSync(compiler));
  const files = ['lib', 'configs'].flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => path.join(folder, name))
      .sort(),
  );
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'scripts/dev/compile-configs.js'];
  for (const name of [...files, ...settings])
    hash.update(`${name}\0`).update(fs.readFileSync(path.join(root, name)));
  return hash.digest('hex');
}

async function compile() {
  const compiler = path.join(root, 'node_modules', 'typescript', 'package.json');
  if (!fs.existsSync(compiler))
    throw new Error(
      'TypeScript is missing: run npm install with the development dependencies (no --omit=dev).',
    );
  cleanDist(root);
  const stamp = path.join(root, 'dist', '.stamp');
  const hash = hashTypeScript(compiler);
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === hash) return 'up to date';
  fs.rmSync(stamp, { force: true });
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await runLogged(
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json'],
    'The TypeScript sources do not compile.',
  );
  compileConfigs(root);
  fs.writeFileSync(stamp, hash);
  return 'compiled';
}

/** Names every missing tool at once. */
async function checkTools(lib) {
  const missing = await lib.checkTools();
  if (missing.length > 0) throw new Error(missing.join('\n'));
}

async function fetchLibtorch(lib, state) {
  const { createProgressPrinter } = await loadLib('cli/install-progress');
  const printer = createProgressPrinter(process.stdout);
  const controller = new AbortController();
  const cancel = () => controller.abort();
  process.once('SIGINT', cancel).once('SIGTERM', cancel);
  try {
    state.libtorch = await lib.installLibtorch({ onProgress: printer.listener, signal: controller.signal });
  } finally {
    printer.stop();
    process.removeListener('SIGINT', cancel).removeListener('SIGTERM', cancel);
  }
  const { version, variant, root: folder } = state.libtorch;
  return `${version} ${variant} in ${folder}`;
}

async function buildAddon(lib, state) {
  const [addon] = lib.locateAddon(root, false);
  if (lib.isUpToDate(addon, state.libtorch, 'Release')) return 'up to date';
  say('  Native addon: building, this takes a few minutes the first time');
  const failure = 'The native addon could not be built. After a remedy: npm run build:native';
  let shown = 0;
  await runLogged(process.execPath, [path.join(root, 'scripts', 'build-native.js')], failure, (line) => {
    // Ninja writes [3/20], make [ 15%]: a line now and then shows that it lives.
    const progress = /^\[\s*(\d+%|\d+\/\d+)\]/.exec(line)?.[1];
    if (!progress || performance.now() - shown < 10_000) return;
    shown = performance.now();
    console.log(`    ${progress}`);
  });
  return 'built';
}

async function setup() {
  const start = performance.now();
  fs.mkdirSync(path.dirname(LOG), { recursive: true });
  const lib = await loadLib('libtorch/index');
  const env = lib.readEnv();
  const state = {};
  const work = async () => {
    fs.writeFileSync(LOG, '');
    say(`Setting up kappaface (log: ${path.relative(root, LOG)})`);
    await step('TypeScript', compile);
    await step('Command kappa', () => linkBin());
    if (env.skipBuild) return say('  LibTorch and native addon: left out (KAPPA_SKIP_BUILD)');
    const { found } = lib.searchLibtorch(env);
    const [addon] = lib.locateAddon(root, false);
    if (!found || !lib.isUpToDate(addon, found, 'Release')) await checkTools(lib);
    await step('LibTorch', () => fetchLibtorch(lib, state));
    await step('Native addon', () => buildAddon(lib, state));
    say(`Ready in ${seconds(start)}. Train on the embedded faces: npx kappa train configs/base`);
  };
  const onWait = ({ pid }) => console.log(`Another set-up (process ${pid}) is running; waiting for it.`);
  await lib.withLock(path.join(root, 'build', '.setup.lock'), work, { onWait });
}

setup().catch((error) => {
  const lines = [
    error.message,
    '',
    'The set-up did not finish. Do what the message above says, then run npm install again.',
    `Details: ${path.relative(process.cwd(), LOG)}. What this machine has and lacks: npx kappa doctor`,
  ];
  console.error(lines.join('\n'));
  logLine(lines.join('\n'));
  process.exitCode = error.code === 'ERR_CANCELLED' ? 130 : 1;
});
