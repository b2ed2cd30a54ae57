'use strict';
// Packs what a bare machine with a GPU lacks into .gpu/: Node, the modules that are needed, the compiled library, and
// the compiled tests and benchmarks. What draws faces is among them. npm run gpu:pack [-- --alone]
//   --alone  ../shared does not travel: it is not counted
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const ts = require('typescript');
const { root } = require('../load');

/** What travels to such a machine, at most: the checkout, what lies beside it, and this bundle. */
const LIMIT = 64 * 2 ** 20;
const folder = path.join(root, '.gpu');
const stage = path.join(root, 'build', 'gpu-pack');
/** Binaries of other machines, and what only people and compilers read. */
const needless = /darwin|win32|-arm|musl|\.map$|\.d\.[cm]?ts$|\.(md|markdown)$|^node_modules\/zod\/src\//;

/** Every file below a folder, relative to the root. */
function filesOf(relative) {
  return fs
    .readdirSync(path.join(root, relative), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
}

/** The folder of a module, as the module in `from` finds it. */
function moduleFolder(name, from) {
  for (let at = from; ; at = path.dirname(at)) {
    const found = path.join(at, 'node_modules', name);
    if (fs.existsSync(path.join(found, 'package.json'))) return found;
    if (at === path.dirname(at)) return undefined;
  }
}

/** Modules with all that they need themselves, but for those that are there already. */
function modules(names, there = []) {
  const found = new Set();
  const waiting = names.map((name) => [name, root]);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [name, from] = next;
    const at = moduleFolder(name, from);
    if (at === undefined || found.has(at) || there.includes(path.relative(root, at))) continue;
    found.add(at);
    const { dependencies = {}, optionalDependencies = {} } = require(path.join(at, 'package.json'));
    for (const needed of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)])
      waiting.push([needed, at]);
  }
  return [...found].map((at) => path.relative(root, at));
}

/** Compiles tests and benchmarks to build/gpu/js of the stage, where `lib` is the compiled library. */
function compileTests() {
  const target = path.join(stage, 'build', 'gpu', 'js');
  const sources = ['test/gpu', 'test/support', 'bench']
    .flatMap(filesOf)
    .filter((file) => file.endsWith('.ts'));
  for (const file of [...sources, 'test/unhandled.ts']) {
    const { outputText } = ts.transpileModule(fs.readFileSync(path.join(root, file), 'utf8'), {
      fileName: file,
      compilerOptions: { target: 'ES2023', module: ts.ModuleKind.CommonJS, esModuleInterop: true },
    });
    const compiled = path.join(target, file.replace(/\.ts$/, '.js'));
    fs.mkdirSync(path.dirname(compiled), { recursive: true });
    fs.writeFileSync(compiled, outputText);
  }
  fs.symlinkSync(path.join('..', '..', '..', 'dist'), path.join(target, 'lib'));
}

/** Node, without symbols, compressed as machine code. It takes a minute: one of the same version stays. */
function packNode() {
  const packed = path.join(folder, `node-${process.version}.xz`);
  for (const name of fs.readdirSync(folder))
    if (/^node-.*\.xz$/.test(name) && name !== path.basename(packed)) fs.rmSync(path.join(folder, name));
  if (fs.existsSync(packed)) return;
  if (/libnode|libuv|libicu/.test(spawnSync('ldd', [process.execPath], { encoding: 'utf8' }).stdout ?? ''))
    throw new Error(`${process.execPath} needs libraries of this machine: pack with a Node from nodejs.org.`);
  console.log('Compressing Node, a minute ...');
  const bare = path.join(stage, 'node');
  fs.copyFileSync(process.execPath, bare);
  spawnSync('strip', [bare]);
  // 128 MiB of dictionary: the whole program.
  const flags = ['--threads=1', '--x86', '--lzma2=preset=9e,dict=128MiB', '--stdout', bare];
  const partial = `${packed}.partial`;
  execFileSync('xz', flags, { stdio: ['ignore', fs.openSync(partial, 'w'), 'inherit'] });
  fs.renameSync(partial, packed);
}

/** Packs files of the root, and the build folder of the stage where there is one. */
function pack(name, files, flags) {
  const archive = path.join(stage, name);
  // Modules inside modules come with their outer one, too.
  const input = [...new Set(files)]
    .filter((file) => !needless.test(file))
    .sort()
    .join('\n');
  execFileSync('tar', ['-cf', archive, '-C', root, '-T', '-'], { input });
  if (fs.existsSync(path.join(stage, 'build'))) {
    execFileSync('tar', ['-rf', archive, '-C', stage, 'build']);
    fs.rmSync(path.join(stage, 'build'), { recursive: true });
  }
  execFileSync('xz', [...flags, '--force', archive]);
  fs.copyFileSync(`${archive}.xz`, path.join(folder, `${name}.xz`));
}

function packFiles() {
  const dependencies = Object.keys(require(path.join(root, 'package.json')).dependencies);
  const needed = modules([...dependencies.filter((name) => name !== 'sharp'), 'mocha']);
  const own = filesOf('dist').filter((file) => /\.js(on)?$/.test(file));
  compileTests();
  pack('files.tar', [...own, ...needed.flatMap(filesOf)], ['-9e']);
  pack('sharp.tar', modules(['sharp'], needed).flatMap(filesOf), ['--x86', '--lzma2=preset=9e,dict=64MiB']);
}

function bytesOf(files) {
  return files.reduce((sum, file) => sum + fs.lstatSync(file).size, 0);
}

/** Bytes of all that travels, by part. */
function weigh(alone) {
  const git = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', git, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const checkout = listed.split('\0').filter((file) => file !== '' && fs.existsSync(path.join(root, file)));
  const shared = !alone && fs.existsSync(path.join(root, '..', 'shared')) ? filesOf('../shared') : [];
  return {
    '.gpu': bytesOf(filesOf('.gpu').map((file) => path.join(root, file))),
    checkout: bytesOf(checkout.map((file) => path.join(root, file))),
    '../shared': bytesOf(shared.map((file) => path.join(root, file))),
  };
}

function weightOf(parts) {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}

function checkWeight(parts) {
  const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const all = weightOf(parts);
  const each = Object.entries(parts).map(([name, bytes]) => `${name} ${mebibytes(bytes)}`);
  const line = `${each.join(', ')}: ${mebibytes(all)} in all, of ${mebibytes(LIMIT)}`;
  if (all > LIMIT) throw new Error(`Too much for the machine with the GPU: ${line}.`);
  console.log(`${line}.`);
}

function main() {
  const { values } = parseArgs({ options: { alone: { type: 'boolean', default: false } } });
  if (!fs.existsSync(path.join(root, 'dist', 'index.js')))
    throw new Error('Nothing is compiled: npm run build.');
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('The bundle is for Linux on x86-64, and is packed there.');
  fs.rmSync(stage, { recursive: true, force: true });
  fs.mkdirSync(stage, { recursive: true });
  fs.mkdirSync(folder, { recursive: true });
  packNode();
  packFiles();
  fs.rmSync(stage, { recursive: true, force: true });
  if (weightOf(weigh(values.alone)) > LIMIT) {
    // Drawing and training decode by the small JPEG library; verification needs sharp.
    fs.rmSync(path.join(folder, 'sharp.tar.xz'));
    console.log(
      'sharp is left out, for it would be too much: nothing is verified there. Where ../shared does not travel: npm run gpu:pack -- --alone',
    );
  }
  checkWeight(weigh(values.alone));
  console.log('There, in the root of the checkout: bash scripts/gpu/run.sh');
}

if (require.main === module)
  try {
    main();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }

module.exports = { checkWeight };
