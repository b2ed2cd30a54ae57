// What scripts/dev/verify-package.sh checks, once everything is built: bash scripts/dev/verify-package.sh [--cuda]
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readEnv } from '../../lib/libtorch/env';
import { findLibtorch } from '../../lib/libtorch/find';
import { packFolder, stagePackage } from './pack';

const root = path.join(__dirname, '..', '..');
const { cuda = false } = parseArgs({ options: { cuda: { type: 'boolean' } } }).values;
const variant = cuda ? 'cu130' : 'cpu';
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
const platform = `@kappaface/linux-x64-${variant}`;
const libtorch = findLibtorch(readEnv({ ...process.env, KAPPA_LIBTORCH_VARIANT: variant }));
const line = libtorch.version.split('.').slice(0, 2).join('.');

/** Package and prebuilt addon together, installed. */
const SIZE_LIMIT = 15e6;

const work = mkdtempSync(path.join(os.tmpdir(), 'kappa verify '));
const project = path.join(work, 'a project');
const modules = path.join(project, 'node_modules');

/** The only programs there are: Node, npm, and the shell that npm starts commands with. */
function makePath(): string {
  const folder = path.join(work, 'bin');
  mkdirSync(folder);
  const npm = path.join(path.dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin');
  symlinkSync(process.execPath, path.join(folder, 'node'));
  for (const name of ['npm', 'npx']) symlinkSync(path.join(npm, `${name}-cli.js`), path.join(folder, name));
  symlinkSync('/bin/sh', path.join(folder, 'sh'));
  return folder;
}

/** What the environment says of npm, proxies and the like; nothing that concerns kappaface. */
const surroundings = Object.entries(process.env).filter(
  ([name]) => !/^(PATH|CI|CXX|HOME|NODE_OPTIONS|LD_LIBRARY_PATH|LIBTORCH|KAPPA_)/.test(name),
);
const variables: NodeJS.ProcessEnv = {
  ...Object.fromEntries(surroundings),
  PATH: makePath(),
  HOME: os.homedir(),
  KAPPA_CACHE: readEnv().cache,
  NO_COLOR: '1',
  ...(cuda ? { KAPPA_LIBTORCH_VARIANT: variant } : {}),
};

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program in the project, where nobody can be asked. */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Ended {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: project,
    env: { ...variables, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { code: status, stdout: stdout ?? '', stderr: error ? error.message : stderr };
}

const kappa = (args: readonly string[], env?: NodeJS.ProcessEnv): Ended =>
  run('npx', ['kappa', ...args], env);

/** Runs what must end well. */
function ok({ code, stdout, stderr }: Ended): string {
  assert.equal(code, 0, `${stdout}${stderr}`);
  return stdout;
}

let failed = 0;
function check(title: string, body: () => void): void {
  const start = performance.now();
  try {
    body();
    console.log(`ok      ${title} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`failed  ${title}\n${error instanceof Error ? error.message : String(error)}`);
  }
}

function bytesOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).size, 0);
}

function install(): void {
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), '{ "name": "project", "private": true }\n');
  const tarballs = [path.join(work, 'kappaface.tgz'), path.join(work, 'platform.tgz')] as const;
  stagePackage(path.join(work, 'kappaface'));
  packFolder(path.join(work, 'kappaface'), tarballs[0]);
  packFolder(path.join(root, 'npm', platform.replace('@kappaface/', '')), tarballs[1]);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  ok(run('npm', ['install', ...flags, ...tarballs]));
  for (const name of ['cc', 'c++', 'g++', 'clang++', 'cmake', 'python3', 'python', 'make'])
    assert.ok(!existsSync(path.join(variables['PATH'] ?? '', name)), name);
  // What whoever programs for Node has: types speak of Buffer and of streams.
  mkdirSync(path.join(modules, '@types'), { recursive: true });
  for (const name of [path.join('@types', 'node'), 'undici-types'])
    if (!existsSync(path.join(modules, name)))
      symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
}

function checkSizes(): void {
  const own = bytesOf(path.join(modules, 'kappaface'));
  const addon = bytesOf(path.join(modules, platform));
  console.log(`        kappaface ${(own / 1e6).toFixed(1)} MB, ${platform} ${(addon / 1e6).toFixed(1)} MB`);
  assert.ok(own + addon < SIZE_LIMIT, `together more than ${SIZE_LIMIT / 1e6} MB`);
}

function checkImports(): void {
  const compute = `(async () => {
    const ones = await Tensor.ones([2, 2]);
    console.log(base.name, await ones.sum().item(), buildInfo().libtorch);
  })();`;
  writeFileSync(
    path.join(project, 'requires.cjs'),
    `const { Tensor, buildInfo } = require('kappaface'); const base = require('kappaface/configs/base'); ${compute}`,
  );
  writeFileSync(
    path.join(project, 'imports.mjs'),
    `import { Tensor, buildInfo } from 'kappaface'; import base from 'kappaface/configs/base'; ${compute}`,
  );
  for (const file of ['requires.cjs', 'imports.mjs'])
    assert.equal(ok(run('node', [file])), `base 4 ${libtorch.version}\n`, file);
}

function checkTypes(): void {
  const source = `import base from 'kappaface/configs/base';
    import { IResNet, Tensor, deriveConfig, type Config } from 'kappaface';
    export const config: Config = deriveConfig(base, { name: 'mine', train: { epochs: 3 } });
    export const make = (): Promise<Tensor> => Tensor.ones([2, 2]);
    export const backbone = new IResNet({ depth: 18, embeddingSize: 128 });
    // @ts-expect-error a config is typed
    base.epochs;`;
  for (const ending of ['cts', 'mts']) writeFileSync(path.join(project, `uses.${ending}`), source);
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const common = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2023', '--types', 'node'];
  const files = ['uses.cts', 'uses.mts'];
  ok(run('node', [tsc, ...common, '--module', 'node16', ...files]));
  ok(run('node', [tsc, ...common, '--module', 'preserve', '--moduleResolution', 'bundler', ...files]));
}

interface Check {
  name: string;
  status: string;
  detail: string;
  remedy?: string;
}

function doctor(env?: NodeJS.ProcessEnv): { code: number | null; checks: Map<string, Check> } {
  const { code, stdout, stderr } = kappa(['doctor', '--json'], env);
  assert.notEqual(stdout, '', stderr);
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  return { code, checks: new Map(checks.map((found) => [found.name, found])) };
}

function checkDoctor(): void {
  const { code, checks } = doctor();
  const missing = [...checks.values()].filter(({ status }) => status === 'missing');
  assert.deepEqual(missing, []);
  assert.equal(code, 0);
  assert.equal(
    checks.get('Native addon')?.detail,
    `${platform} ${version}, prebuilt, loads; ${version}, for LibTorch ${libtorch.version} (${variant})`,
  );
  assert.equal(checks.get('@julusian/jpeg-turbo')?.status, 'ok');
  // Nothing is to be built, so these are no faults.
  for (const name of ['CMake', 'C++ compiler']) assert.equal(checks.get(name)?.status, 'warning', name);
}

/** A run of seconds: one epoch over a few drawn faces. */
const TINY = [
  'train.epochs=1',
  'backbone.widthMultiplier=0.0625',
  'data.synthetic.identities=8',
  'data.synthetic.maxImages=12',
  'data.synthetic.pairs=20',
  'data.synthetic.verificationIdentities=6',
  'data.synthetic.singletons=0',
].flatMap((value) => ['--set', value]);

function checkTraining(): void {
  ok(kappa(['train', 'configs/base', ...TINY]));
  assert.ok(existsSync(path.join(project, 'runs', 'base', 'result.json')));
}

const DO = 'What to do:';
const ADDON = 'error [ERR_ADDON]: The native addon of kappaface could not be loaded.';
const BUILD = `  npx kappa build
      builds the addon here, against the LibTorch found; needs CMake and a C++ compiler
  npx kappa doctor
      tells what this machine has and lacks
`;

/** Holds what `kappa train` says of a lack against what it should say, to the letter. */
function refuses(env: NodeJS.ProcessEnv, expected: string): void {
  const { code, stderr } = kappa(['train', 'configs/base', ...TINY], env);
  assert.equal(stderr, expected);
  assert.equal(code, 1);
}

/** The cached LibTorch, file by file as links, so that one can be another. */
function linkedCopy(folder: string): string {
  mkdirSync(path.join(folder, 'lib'), { recursive: true });
  for (const name of readdirSync(libtorch.root))
    if (name !== 'lib' && name !== 'include')
      symlinkSync(path.join(libtorch.root, name), path.join(folder, name));
  for (const name of readdirSync(path.join(libtorch.root, 'lib')))
    symlinkSync(path.join(libtorch.root, 'lib', name), path.join(folder, 'lib', name));
  const header = path.join('include', 'torch', 'headeronly', 'version.h');
  mkdirSync(path.join(folder, path.dirname(header)), { recursive: true });
  cpSync(path.join(libtorch.root, header), path.join(folder, header));
  return folder;
}

/** A copy that says that it is another version. */
function otherVersion(folder: string, wanted: string): string {
  const header = path.join(linkedCopy(folder), 'include', 'torch', 'headeronly', 'version.h');
  const [major, minor, patch] = wanted.split('.');
  const text = readFileSync(header, 'utf8')
    .replace(/(TORCH_VERSION_MAJOR) +\d+/, `$1 ${major}`)
    .replace(/(TORCH_VERSION_MINOR) +\d+/, `$1 ${minor}`)
    .replace(/(TORCH_VERSION_PATCH) +\d+/, `$1 ${patch}`);
  writeFileSync(header, text);
  return folder;
}

function checkWrongVersion(): void {
  const other = otherVersion(path.join(work, 'other line'), '2.14.9');
  refuses(
    { LIBTORCH: other },
    `${ADDON}
LibTorch: 2.14.9 (cpu) in ${other}.
Addons that were tried:
  1. build/Release/kappaface.node: not built.
  2. ${platform} ${version}: is built for LibTorch ${libtorch.version} (cpu), and 2.14.9 (cpu) was found.
${DO}
${BUILD}`,
  );
  const old = otherVersion(path.join(work, 'old'), '2.12.0');
  const { code, stderr } = kappa(['train', 'configs/base'], { LIBTORCH: old });
  assert.equal(code, 1);
  assert.ok(
    stderr.startsWith(`error [ERR_VERSION]: No usable LibTorch (wanted: ${libtorch.version}, cpu).
Tried, in this order:
  1. LIBTORCH=${old}: ${old} is LibTorch 2.12.0; supported are 2.13.x, 2.14.x (KAPPA_LIBTORCH_VERSION=2.12.0 has it tried all the same).
`),
    stderr,
  );
}

/** Another patch version: it is tried in a process of its own, and used where that goes well. */
function checkDoubtfulVersion(): void {
  const near = otherVersion(path.join(work, 'near'), `${line}.9`);
  assert.equal(ok(run('node', ['requires.cjs'], { LIBTORCH: near })), `base 4 ${libtorch.version}\n`);
  const { checks } = doctor({ LIBTORCH: near });
  assert.equal(checks.get('Native addon')?.status, 'warning');
  // The same with a library that is none.
  const library = path.join(near, 'lib', 'libtorch_cpu.so');
  rmSync(library);
  writeFileSync(library, 'no library');
  refuses(
    { LIBTORCH: near },
    `${ADDON}
LibTorch: ${line}.9 (cpu) in ${near}.
Addons that were tried:
  1. build/Release/kappaface.node: not built.
  2. ${platform} ${version}: is built for LibTorch ${libtorch.version} (cpu), and ${line}.9 (cpu) was found; tried in another process: ${library}: file too short.
${DO}
${BUILD}`,
  );
}

/** What is said where LibTorch is all that is missing. */
const noLibtorch = (cache: string, reason: string): string =>
  `error [ERR_LIBTORCH_NOT_FOUND]: The native addon of kappaface could not be loaded.
LibTorch: none was found (wanted: ${libtorch.version} (cpu)). Looked in:
  1. LIBTORCH: not set.
  2. the installed Python torch: LIBTORCH_USE_PYTORCH=1 is not set.
  3. the cache (${cache}): ${reason}.
Addons that were tried:
  1. build/Release/kappaface.node: not built.
  2. ${platform} ${version}: needs LibTorch ${line}.x (cpu), and none was found.
${DO}
  npx kappa libtorch install
      fetches LibTorch ${libtorch.version} (cpu) into the cache
${BUILD}`;

const cacheOf = (folder: string): string => path.join(folder, 'libtorch', `${libtorch.version}-cpu`);

function checkNoLibtorch(): void {
  const empty = path.join(work, 'empty cache');
  refuses({ KAPPA_CACHE: empty }, noLibtorch(cacheOf(empty), 'empty'));
  const { code, checks } = doctor({ KAPPA_CACHE: empty });
  assert.equal(code, 1);
  assert.equal(checks.get('LibTorch')?.remedy, 'npx kappa libtorch install');
  assert.equal(
    checks.get('Native addon')?.remedy,
    `npx kappa libtorch install (fetches LibTorch ${libtorch.version} (cpu) into the cache)`,
  );
  // --yes and CI fetch it: here there is no Python to do so, which must be said.
  for (const [args, env] of [
    [['--yes'], {}],
    [[], { CI: 'true', KAPPA_LIBTORCH_URL: 'http://127.0.0.1:9/torch.whl' }],
  ] as const) {
    const vain = kappa(['train', 'configs/base', ...args], {
      KAPPA_LIBTORCH_URL: 'http://127.0.0.1:9/torch.whl',
      KAPPA_CACHE: empty,
      ...env,
    });
    assert.equal(vain.code, 1);
    assert.ok(
      vain.stderr.startsWith(`LibTorch ${libtorch.version} (cpu) is not on this machine: fetching it into`),
      vain.stderr,
    );
    assert.match(vain.stderr, /4\. KAPPA_LIBTORCH_URL=http:\S+: .*could not be fetched/);
  }
}

function checkHalfLibtorch(): void {
  const half = path.join(work, 'half cache');
  const folder = linkedCopy(cacheOf(half));
  rmSync(path.join(folder, 'kappaface.json'), { force: true });
  const incomplete = `${folder} is incomplete: kappaface.json is missing or damaged`;
  refuses({ KAPPA_CACHE: half }, noLibtorch(folder, incomplete));

  const library = path.join(folder, 'lib', 'libtorch_cpu.so');
  const { size } = statSync(library);
  cpSync(path.join(libtorch.root, 'kappaface.json'), path.join(folder, 'kappaface.json'));
  rmSync(library);
  writeFileSync(library, 'half');
  const damaged = `${library} is damaged: 4 bytes, expected ${size}`;
  // Links are no files, whose sizes would be looked at.
  for (const name of readdirSync(path.join(folder, 'lib'))) replaceLink(path.join(folder, 'lib', name));
  refuses({ KAPPA_CACHE: half }, noLibtorch(folder, damaged));
}

function replaceLink(file: string): void {
  const target = realpathSync(file);
  if (target === file || !statSync(target).isFile()) return;
  rmSync(file);
  cpSync(target, file, { mode: 2 });
}

function checkMissingPackage(): void {
  const scope = path.join(modules, '@kappaface');
  renameSync(scope, path.join(work, 'aside'));
  try {
    refuses(
      {},
      `${ADDON}
LibTorch: ${libtorch.version} (cpu) in ${libtorch.root}.
Addons that were tried:
  1. build/Release/kappaface.node: not built.
  2. ${platform}: not installed.
${DO}
  npm install --save-optional ${platform}@${version}
      installs the prebuilt addon: an optional package, which lock files written on another platform may lack
${BUILD}`,
    );
    const { code, checks } = doctor();
    assert.equal(code, 1);
    assert.match(
      checks.get('Native addon')?.remedy ?? '',
      new RegExp(`^npm install --save-optional ${platform}@`),
    );
    const build = kappa(['build']);
    assert.equal(build.code, 1);
    assert.match(
      build.stderr,
      /^error \[ERR_ADDON\]: The addon cannot be built here\.\nCMake: not found \(3\.22 or newer is needed\)\n {4}Install it: .*\nC\+\+ compiler: .*\n {4}Install it: .*\n$/,
    );
  } finally {
    renameSync(path.join(work, 'aside'), scope);
  }
}

function checkNoGpu(): void {
  const script = `const { cuda } = require('kappaface');
    cuda.devices().then((devices) => console.log(cuda.isBuilt(), JSON.stringify(devices)));`;
  console.log(`        GPUs: ${ok(run('node', ['-e', script])).trim()}`);
}

try {
  check('packs and installs, without scripts, compiler, CMake and Python', install);
  check(`package and addon are below ${SIZE_LIMIT / 1e6} MB`, checkSizes);
  check('CommonJS and ECMAScript modules compute', checkImports);
  check('types resolve as node16 and bundler', checkTypes);
  check('kappa doctor finds all', checkDoctor);
  if (cuda) check('says which GPUs there are', checkNoGpu);
  check('kappa train configs/base, in a project without configs', checkTraining);
  if (!cuda) {
    check('another version of LibTorch is refused', checkWrongVersion);
    check('another patch version is tried in another process', checkDoubtfulVersion);
    check('no LibTorch', checkNoLibtorch);
    check('half a LibTorch', checkHalfLibtorch);
    check("the addon's package is missing, and nothing to build with", checkMissingPackage);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;
