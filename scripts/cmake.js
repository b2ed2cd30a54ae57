'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { loadLib, root } = require('./load');

/** Whether a program is in the path. */
function inPath(name) {
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name];
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .some((folder) => names.some((file) => fs.existsSync(path.join(folder, file))));
}

/** Where a program lies: itself where it is a path, else its first place in the path. */
function locate(program) {
  if (program.includes(path.sep)) return path.resolve(program);
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.map((folder) => path.join(folder, program)).find((file) => fs.existsSync(file));
}

/** CMake keeps what it found in its cache: it must not outlive the LibTorch, or the compiler, that it was made for. */
function dropOldCache(out, libtorchRoot, cxx) {
  const file = path.join(out, 'CMakeCache.txt');
  if (!fs.existsSync(file)) return;
  const text = fs.readFileSync(file, 'utf8');
  const cached = (name) => new RegExp(`^${name}:[^=]*=(.*)$`, 'm').exec(text)?.[1];
  const otherCompiler = cxx !== undefined && cached('CMAKE_CXX_COMPILER') !== locate(cxx);
  if (cached('KAPPA_LIBTORCH') !== libtorchRoot || otherCompiler) removeCache(out);
}

function removeCache(out) {
  fs.rmSync(path.join(out, 'CMakeCache.txt'), { force: true });
  fs.rmSync(path.join(out, 'CMakeFiles'), { recursive: true, force: true });
}

/**
 * How to call ccache: it takes precompiled headers only when told what it may overlook, and paths below the root
 * as relative ones, so that a second clone profits as well.
 */
function cacheLauncher() {
  const settings = [
    'CCACHE_SLOPPINESS=pch_defines,time_macros',
    `CCACHE_BASEDIR=${root}`,
    'CCACHE_NOHASHDIR=1',
  ];
  return ['cmake', '-E', 'env', ...settings, 'ccache'].join(';');
}

/**
 * Configures CMake through cmake-js and builds.
 *
 * @param {{out: string, config: string, libtorch: {root: string}, jobs: number, options: Record<string, string>,
 *   target?: string}} request out: build folder; options: what to pass as -D; target: default all
 */
async function configureAndBuild({ out, config, libtorch, jobs, options, target }) {
  const { BuildSystem } = require('cmake-js');
  const env = (await loadLib('libtorch/index')).readEnv();
  const cMakeOptions = {
    CMAKE_PREFIX_PATH: path.join(libtorch.root, 'share', 'cmake'),
    KAPPA_LIBTORCH: libtorch.root,
    KAPPA_WERROR: env.warningsAreErrors ? 'ON' : 'OFF',
    ...(inPath('ccache') ? { CMAKE_CXX_COMPILER_LAUNCHER: cacheLauncher() } : {}),
    ...options,
  };
  const create = () => {
    const system = new BuildSystem({ directory: root, out, config, cMakeOptions, target, parallel: jobs });
    // The addon uses Node-API alone, whose headers come with a package: nothing needs to be downloaded.
    system.options.isNodeApi = true;
    return system;
  };
  fs.mkdirSync(out, { recursive: true });
  dropOldCache(out, libtorch.root, env.cxx);
  const hadCache = fs.existsSync(path.join(out, 'CMakeCache.txt'));
  try {
    await create().configure();
  } catch (error) {
    // A cache of another generator or compiler: one fresh start.
    if (!hadCache) throw error;
    removeCache(out);
    await create().configure();
  }
  await create().build();
}

module.exports = { configureAndBuild };
