'use strict';
// Makes the packages with the prebuilt addons below npm/ complete: npm run prebuilds [-- --cuda | --all]
// The addon is the one of the everyday build, stripped: it finds LibTorch through its loader, wherever it lies, and is linked
// for older systems (KAPPA_PORTABLE in CMakeLists.txt). prebuildify would build it a second time, through node-gyp and
// Node's own headers, and takes one file out of the two.
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { buildCuda } = require('./build-cuda');
const { checkSymbols } = require('./symbols');
const { buildNative } = require('../build-native');
const { loadLib, root } = require('../load');

/** What is in a package, and nothing else. */
const CONTENTS = [
  'README.md',
  'kappaface.json',
  'kappaface.node',
  'package.json',
  'pixels/kappaface-pixels.node',
];

/** Bytes of a package, unpacked. Both are installed, and with kappaface they are to stay below 15 MB. */
const LIMIT = { cpu: 6e6, cu130: 7e6 };

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

/** What npm would publish of a package. */
function packed(folder) {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const text = execFileSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const result = JSON.parse(text);
  // Newer versions of npm name each package.
  return Array.isArray(result) ? result[0] : Object.values(result)[0];
}

/**
 * Copies an addon into its package, and looks into it.
 *
 * @param {{name: string, addon: string, libtorch: object}} options name: cpu or cu130
 */
async function completePackage({ name, addon, libtorch }) {
  const lib = await loadLib('libtorch/index');
  const folder = path.join(root, 'npm', `linux-x64-${name}`);
  const target = path.join(folder, 'kappaface.node');
  const files = [
    [addon, target],
    [lib.pixelsBeside(addon), lib.pixelsBeside(target)],
  ];
  for (const [from, to] of files) {
    fs.mkdirSync(path.dirname(to), { recursive: true });
    execFileSync('strip', ['--strip-all', '-o', to, from]);
    fs.chmodSync(to, 0o755);
  }
  fs.copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
  lib.writeBuildMetadata(target, libtorch, 'Release', root, true);

  checkSymbols(files.map(([, to]) => to));
  const failure = lib.failureOf({ addon: target, pixels: lib.pixelsBeside(target), libtorch });
  if (failure !== undefined) throw new Error(`${target} does not load: ${failure}`);
  const { version } = require(path.join(root, 'package.json'));
  const manifest = require(path.join(folder, 'package.json'));
  if (manifest.version !== version)
    throw new Error(`${manifest.name} is ${manifest.version}, kappaface ${version}: they must be the same.`);
  const { files: contents, size, unpackedSize } = packed(folder);
  const names = contents.map((file) => file.path).sort();
  if (names.join() !== [...CONTENTS, 'LICENSE'].sort().join())
    throw new Error(`${manifest.name} would hold ${names.join(', ')}.`);
  for (const file of contents) console.log(`  ${megabytes(file.size).padStart(9)}  ${file.path}`);
  console.log(`${manifest.name}@${version}: ${megabytes(unpackedSize)} unpacked, ${megabytes(size)} packed`);
  if (unpackedSize > LIMIT[name]) throw new Error(`That is more than ${megabytes(LIMIT[name])}.`);
}

async function prebuildCpu() {
  const lib = await loadLib('libtorch/index');
  await completePackage({ name: 'cpu', addon: await buildNative(), libtorch: lib.findLibtorch() });
}

async function prebuildCuda() {
  const lib = await loadLib('libtorch/index');
  const { addon, libtorch } = await buildCuda();
  await completePackage({ name: 'cu130', addon, libtorch: lib.inspectLibtorch(libtorch) });
}

async function main() {
  const { values } = parseArgs({ options: { cuda: { type: 'boolean' }, all: { type: 'boolean' } } });
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`Prebuilt addons are made for linux-x64; this is ${process.platform}-${process.arch}.`);
  if (!values.cuda || values.all) await prebuildCpu();
  if (values.cuda || values.all) await prebuildCuda();
}

if (require.main === module)
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });

module.exports = { completePackage };
