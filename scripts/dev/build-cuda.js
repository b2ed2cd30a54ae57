'use strict';
// Builds the CUDA variant of the addon from nothing: LibTorch with CUDA, the kernels, the addon, and a look at what
// came out. node scripts/dev/build-cuda.js. Use it with KAPPA_LIBTORCH_VARIANT=cuda.
const fs = require('node:fs');
const path = require('node:path');
const { buildKernels, findNvcc } = require('./build-kernels');
const { configureAndBuild } = require('../cmake');
const { cudaLibtorch } = require('./cuda-libtorch');
const { loadLib, root } = require('../load');
const { run } = require('../run');

const product = path.join(root, 'build', 'cuda', 'Release');
const addon = path.join(product, 'kappaface.node');

async function output(command, args, env) {
  const lines = [];
  const code = await run(command, args, { env: env ?? process.env, onLine: (line) => lines.push(line) });
  return { code, text: lines.join('\n') };
}

/** Loads the addon without a search path from outside, and has it say what it finds. */
async function look() {
  const env = { ...process.env };
  delete env.LD_LIBRARY_PATH;
  const linked = await output('ldd', [addon], env);
  const missing = linked.text.split('\n').filter((line) => line.includes('not found'));
  if (missing.length > 0) throw new Error(`The addon misses libraries:\n${missing.join('\n')}`);
  const script = `const addon = require(process.argv[1]);
    addon.initialize(Error, false);
    addon.cudaDevices().then((devices) => console.log(addon.builtWithCuda()
      ? 'CUDA addon: LibTorch ' + addon.buildInfo().libtorch + ', ' + (devices.length === 0 ? 'no GPU on this machine, everything runs on the CPU'
        : devices.map((device) => device.name).join(', ')) : 'This addon has no CUDA.'));`;
  const loaded = await output(process.execPath, ['-e', script, addon], env);
  if (loaded.code !== 0) throw new Error(`${addon} was built but does not load:\n${loaded.text}`);
  console.log(loaded.text);
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
        KAPPA_TESTS: 'OFF',
        KAPPA_SANITIZE: 'OFF',
        KAPPA_CUDA: 'ON',
        KAPPA_CUDA_ROOT: path.dirname(libtorch),
        KAPPA_CUDA_TOOLKIT: toolkit,
        KAPPA_CUDA_KERNELS: kernels.join(';'),
      },
    }),
  );
  await look();
  console.log(`Built ${path.relative(root, addon)}. Use it with KAPPA_LIBTORCH_VARIANT=cuda.`);
}

async function main() {
  const { libtorch, nvcc } = await cudaLibtorch();
  await buildCudaAddon({ libtorch, kernels: await buildKernels(findNvcc() ?? nvcc) });
}

if (require.main === module)
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });

module.exports = { buildCudaAddon };
