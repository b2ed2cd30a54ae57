'use strict';
// The CUDA variant of LibTorch with the libraries it needs (cuBLAS, cuDNN, NCCL, ...) in the user's cache, as kappa libtorch
// install --variant cu130 fetches it, and beside them what building an addon needs: NVIDIA's compiler and more of its headers.
const fs = require('node:fs');
const path = require('node:path');
const { loadLib } = require('../load');

/** What the environment says of the CUDA variant, wherever it names another LibTorch. */
async function cudaEnv() {
  const { readEnv } = await loadLib('libtorch/index');
  return readEnv({ ...process.env, KAPPA_LIBTORCH_VARIANT: 'cu130', LIBTORCH: '', LIBTORCH_USE_PYTORCH: '' });
}

/** @returns {Promise<boolean>} whether the CUDA variant lies in the cache */
async function isFetched() {
  const { searchLibtorch } = await loadLib('libtorch/index');
  return searchLibtorch(await cudaEnv()).found !== undefined;
}

/** Brings the compiler, and headers (cccl) that those of c10d's NCCL engine ask for, beside a LibTorch that lacks them. */
async function addToolkit(folder, env) {
  const lib = await loadLib('libtorch/index');
  const cuda = path.join(folder, 'nvidia', 'cu13');
  if (['bin/nvcc', 'include/nv/target'].every((file) => fs.existsSync(path.join(cuda, file)))) return;
  const toolkit = lib.nvidiaPackages(folder).find((name) => name.startsWith('cuda-toolkit'));
  const version = /==.*$/.exec(toolkit ?? '')?.[0];
  if (version === undefined) return;
  // Aside: pip would put a new folder nvidia in the place of the one that is there.
  const partial = `${folder}.partial`;
  fs.rmSync(partial, { recursive: true, force: true });
  try {
    console.log(`Fetching the compiler of the CUDA toolkit ${version} ...`);
    const requirement = `cuda-toolkit[nvcc,crt,nvvm,cccl]${version}`;
    await lib.installWheels(env.python ?? 'python3', [requirement], partial, { withDependencies: true });
    fs.cpSync(path.join(partial, 'nvidia'), path.join(folder, 'nvidia'), { recursive: true });
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
}

/**
 * Finds the CUDA variant in the cache, or fetches it.
 *
 * @returns {Promise<{folder: string, libtorch: string, nvcc: string}>} nvcc: NVIDIA's compiler of the wheels
 */
async function cudaLibtorch() {
  const lib = await loadLib('libtorch/index');
  const { createProgressPrinter } = await loadLib('cli/install-progress');
  const env = await cudaEnv();
  const printer = createProgressPrinter();
  const { root: libtorch } = await lib
    .installLibtorch({ env, onProgress: printer.listener })
    .finally(printer.stop);
  const folder = lib.cacheFolder(env);
  await lib.withLock(`${folder}.lock`, () => addToolkit(folder, env));
  return { folder, libtorch, nvcc: path.join(folder, 'nvidia', 'cu13', 'bin', 'nvcc') };
}

module.exports = { cudaLibtorch, isFetched };
