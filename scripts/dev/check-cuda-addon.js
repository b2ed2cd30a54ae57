'use strict';
// Looks into the CUDA variant of the addon, as npm run build:cuda left it: it asks for the libraries of CUDA, is portable,
// and holds code for every target. node scripts/dev/check-cuda-addon.js
const path = require('node:path');
const { targets } = require('./build-kernels');
const { findCuobjdump } = require('./cuobjdump');
const { checkSymbols, inspectSymbols } = require('./symbols');
const { root } = require('../load');
const { run } = require('../run');

const addon = path.join(root, 'build', 'cuda', 'Release', 'kappaface.node');

async function output(command, args) {
  const env = { ...process.env };
  delete env.LD_LIBRARY_PATH;
  const lines = [];
  const code = await run(command, args, { env, onLine: (line) => lines.push(line) });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${lines.join('\n')}`);
  return lines.join('\n');
}

function checkLibraries() {
  checkSymbols([addon]);
  const { libraries } = inspectSymbols(addon);
  for (const library of ['libtorch_cuda.so', 'libc10_cuda.so', 'libcudart.so.13'])
    if (!libraries.includes(library))
      throw new Error(`The addon does not ask for ${library}: ${libraries.join(', ')}`);
}

async function checkTargets() {
  const listed = await output(await findCuobjdump(), ['--list-elf', addon]);
  const found = new Set([...listed.matchAll(/\.sm_(\d+)[a-z]?\.cubin/g)].map((match) => match[1]));
  const missing = targets.filter((target) => !found.has(target));
  if (missing.length > 0)
    throw new Error(`The addon has no code for sm_${missing.join(', sm_')}:\n${listed}`);
  console.log(`cuobjdump --list-elf: code for sm_${[...found].join(', sm_')}`);
}

async function main() {
  checkLibraries();
  await checkTargets();
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
