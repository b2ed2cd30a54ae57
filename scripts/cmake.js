'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { root } = require('./load');

/** Whether a program is in the path. */
function inPath(name) {
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name];
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .some((folder) => names.some((file) => fs.existsSync(path.join(folder, file))));
}

/** CMake keeps what it found in its cache: it must not outlive the LibTorch it was found in. */
function dropOldCache(out, libtorchRoot) {
  const file = path.join(out, 'CMakeCache.txt');
  if (!fs.existsSync(file)) return;
  const cached = /^KAPPA_LIBTORCH:[^=]*=(.*)$/m.exec(fs.readFileSync(file, 'utf8'))?.[1];
  if (cached !== libtorchRoot) removeCache(out);
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
  const cMakeOptions = {
    CMAKE_PREFIX_PATH: path.join(libtorch.root, 'share', 'cmake'),
    KAPPA_LIBTORCH: libtorch.root,
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
  dropOldCache(out, libtorch.root);
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
