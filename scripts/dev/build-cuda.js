'use strict';
// Builds the CUDA variant of the addon from nothing: LibTorch with CUDA, the kernels, the addon, and a look at what
// came out. node scripts/dev/build-cuda.js. Use it with KAPPA_LIBTORCH_VARIANT=cu130.
const fs = require('node:fs');
const path = require('node:path');
const { buildKernels, findNvcc } = require('./build-kernels');
const { configureAndBuild } = require('../cmake');
const { cudaLibtorch } = require('./cuda-libtorch');
const { loadLib, root } = require('../load');
const { run } = require('../run');

const product = path.join(root, 'build', 'cuda', 'Release');
const addon = path.join(product, 'kappaface.node');

/** Loads the addon, and has it say what it finds. */
async function look(tree) {
  const lib = await loadLib('libtorch/index');
  const choice = { addon, pixels: lib.pixelsBeside(addon), libtorch: tree };
  const failure = lib.failureOf(choice);
  if (failure !== undefined) throw new Error(`${addon} was built but does not load: ${failure}`);
  const script = `${lib.LOAD_PROGRAM}
    addon.initialize(Error, false, 1, false);
    addon.cudaDevices().then((devices) => console.log(addon.builtWithCuda()
      ? 'CUDA addon: LibTorch ' + addon.buildInfo().libtorch + ', ' + (devices.length === 0 ? 'no GPU on this machine, everything runs on the CPU'
        : devices.map((device) => device.name).join(', ')) : 'This addon has no CUDA.'));`;
  if ((await run(process.execPath, ['-e', script, ...lib.loadArguments(choice)])) !== 0)
    throw new Error(`${addon} loads but does not answer.`);
}

/**
 * Builds the addon around compiled kernels, and looks at it.
 *
 * @param {{libtorch: string, kernels: string[], toolkit?: string}} parts libtorch: the folder `torch` of a wheel, beside
 *   which the wheels of NVIDIA lie; toolkit: an installed CUDA toolkit, for the headers that these wheels lack
 */
async function buildCudaAddon({ libtorch, kernels, toolkit = '' }) {
  const lib = await loadLib('libtorch/index');
  fs.mkdirSync(product, { recursive: true });
  const out = path.join(root, 'build', 'cuda');
  await lib.withLock(path.join(out, '.build.lock'), () =>
    configureAndBuild({
      out,
      config: 'Release',
      libtorch: { root: libtorch },
      jobs: lib.buildJobs(),
      options: {
        CMAKE_LIBRARY_OUTPUT_DIRECTORY: product,
        KAPPA_SANITIZE: 'OFF',
        KAPPA_CUDA: 'ON',
        KAPPA_CUDA_ROOT: path.dirname(libtorch),
        KAPPA_CUDA_TOOLKIT: toolkit,
        KAPPA_CUDA_KERNELS: kernels.join(';'),
      },
    }),
  );
  const { version, versionGiven } = lib.readEnv();
  const tree = lib.inspectLibtorch(libtorch, versionGiven ? { version } : {});
  await look(tree);
  lib.writeBuildMetadata(addon, tree, 'Release');
  console.log(`Built ${path.relative(root, addon)}. Use it with KAPPA_LIBTORCH_VARIANT=cu130.`);
}

/**
 * Builds the addon against the CUDA variant in the cache, fetched where it is missing.
 *
 * @returns {Promise<{addon: string, libtorch: string}>} libtorch: its root
 */
async function buildCuda() {
  const { libtorch, nvcc } = await cudaLibtorch();
  await buildCudaAddon({ libtorch, kernels: await buildKernels(findNvcc() ?? nvcc) });
  return { addon, libtorch };
}

if (require.main === module)
  buildCuda().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });

module.exports = { buildCuda, buildCudaAddon };
