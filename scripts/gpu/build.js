'use strict';
// Builds on a machine with a GPU, against the LibTorch of its Python: kernels and their checks for its target, and the
// addon. Against a LibTorch without CUDA the addon is the one for the CPU.
// node scripts/gpu/build.js --torch FOLDER --arch 90
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { buildCudaAddon } = require('../dev/build-cuda');
const { buildGpuCheck, buildKernels, findNvcc } = require('../dev/build-kernels');
const { buildNative } = require('../build-native');

/** The toolkit that a compiler belongs to, if it is a whole one. */
function toolkitOf(nvcc) {
  const toolkit = path.dirname(path.dirname(fs.realpathSync(nvcc)));
  return fs.existsSync(path.join(toolkit, 'include', 'cuda_runtime_api.h')) ? toolkit : undefined;
}

async function main() {
  const { values } = parseArgs({ options: { torch: { type: 'string' }, arch: { type: 'string' } } });
  const { torch, arch } = values;
  const nvcc = findNvcc();
  if (!nvcc) throw new Error('No CUDA compiler (nvcc) was found: put it into PATH, or set CUDA_HOME.');
  const [kernels] = await Promise.all([buildKernels(nvcc, [arch]), buildGpuCheck(nvcc, [arch])]);
  if (fs.existsSync(path.join(torch, 'lib', 'libtorch_cuda.so')))
    await buildCudaAddon({ libtorch: torch, kernels, toolkit: toolkitOf(nvcc) });
  else {
    process.env.LIBTORCH = torch;
    await buildNative();
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
