'use strict';
// Compiles the CUDA kernels for every target, without a GPU, and checks what the compiler says of each: no
// warnings, no spilled registers, no local memory. node scripts/dev/build-kernels.js [--gpu-check [--no-run]] [--require]
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { root } = require('../load');
const { run } = require('../run');

/** Turing to Blackwell. */
const targets = ['75', '80', '86', '89', '90', '100', '120'];
const native = path.join(root, 'native');
const kernelFiles = ['batch_norm', 'head', 'images'].map((name) => `kernels/cuda/${name}.cu`);
const out = path.join(root, 'build', 'cuda');

/** The CUDA compiler: CUDACXX, CUDA_HOME or CUDA_PATH, PATH, or a toolkit under /usr/local. */
function findNvcc() {
  const name = process.platform === 'win32' ? 'nvcc.exe' : 'nvcc';
  const homes = [process.env.CUDA_HOME, process.env.CUDA_PATH].filter(Boolean);
  const local = '/usr/local';
  const toolkits = fs.existsSync(local)
    ? fs.readdirSync(local).filter((entry) => entry === 'cuda' || entry.startsWith('cuda-'))
    : [];
  const candidates = [
    process.env.CUDACXX,
    ...homes.map((home) => path.join(home, 'bin', name)),
    ...(process.env.PATH ?? '').split(path.delimiter).map((entry) => path.join(entry, name)),
    ...toolkits
      .sort()
      .reverse()
      .map((toolkit) => path.join(local, toolkit, 'bin', name)),
  ];
  return candidates.find((candidate) => candidate && fs.existsSync(candidate));
}

// Compressed to a third: the code for all targets is most of the addon, which is a package to be fetched.
const common = ['-std=c++20', '-O3', '-I', native, '-Werror', 'all-warnings', '--compress-mode=size'];
const hostWarnings = ['-Xcompiler', '-Wall,-Wextra,-Werror'];

/** Code for each target, and PTX of the last one for cards that come later. */
function targetFlags(names) {
  const last = names.at(-1);
  const ptx = ['-gencode', `arch=compute_${last},code=compute_${last}`];
  return [...names.flatMap((name) => ['-gencode', `arch=compute_${name},code=sm_${name}`]), ...ptx];
}

/** Reads ptxas's report: for each kernel and target its registers, and what it keeps outside of them. */
function readReport(lines) {
  const kernels = [];
  let current;
  for (const line of lines) {
    const entry = /Compiling entry function '(\S+)' for 'sm_(\d+)\w*'/.exec(line);
    if (entry) {
      current = { name: entry[1], target: entry[2], registers: 0, stack: 0, spills: 0 };
      kernels.push(current);
    }
    const memory = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (memory && current) {
      current.stack = Number(memory[1]);
      current.spills = Number(memory[2]) + Number(memory[3]);
    }
    const used = /Used (\d+) registers/.exec(line);
    if (used && current) current.registers = Number(used[1]);
  }
  return kernels;
}

async function compile(nvcc, args) {
  const lines = [];
  const code = await run(nvcc, args, { onLine: (line) => lines.push(line) });
  if (code !== 0) throw new Error(`nvcc ${args.join(' ')} failed:\n${lines.join('\n')}`);
  return lines;
}

/**
 * Compiles the kernels and checks the compiler's report.
 *
 * @param {string[]} names targets; default every one
 * @returns {Promise<string[]>} paths of the object files
 */
async function buildKernels(nvcc, names = targets) {
  fs.mkdirSync(out, { recursive: true });
  const args = [...common, ...hostWarnings, '-Xptxas', '-v', '-Xcompiler', '-fPIC', ...targetFlags(names)];
  const objects = [];
  const report = [];
  for (const file of kernelFiles) {
    const object = path.join(out, `${path.basename(file, '.cu')}.o`);
    report.push(...readReport(await compile(nvcc, [...args, '-c', path.join(native, file), '-o', object])));
    objects.push(object);
  }
  const bad = report.filter((kernel) => kernel.spills > 0 || kernel.stack > 0);
  for (const name of new Set(report.map((kernel) => kernel.name))) {
    const same = report.filter((kernel) => kernel.name === name);
    const registers = same.map((kernel) => kernel.registers);
    console.log(`${name}: ${Math.min(...registers)} to ${Math.max(...registers)} registers`);
  }
  for (const { name, target, stack, spills } of bad)
    console.error(`${name} for sm_${target}: ${stack} bytes of local memory, ${spills} bytes spilled`);
  const covered = new Set(report.map((kernel) => kernel.target));
  const missing = names.filter((target) => !covered.has(target));
  if (missing.length > 0) throw new Error(`No code was made for sm_${missing.join(', sm_')}.`);
  if (bad.length > 0) throw new Error('Kernels must keep everything in registers.');
  console.log(`${report.length} kernels for sm_${names.join(', sm_')}: no spills, no local memory.`);
  return objects;
}

/**
 * Compiles the program that checks and times the kernels on a GPU.
 *
 * @returns {Promise<string>} its path
 */
async function buildGpuCheck(nvcc, names = targets) {
  fs.mkdirSync(out, { recursive: true });
  const program = path.join(out, 'gpu-check');
  await compile(nvcc, [
    ...common,
    ...targetFlags(names),
    path.join(native, 'kernels', 'cuda', 'gpu_check.cu'),
    '-o',
    program,
  ]);
  return program;
}

async function main() {
  const { values } = parseArgs({
    options: {
      'gpu-check': { type: 'boolean' },
      'no-run': { type: 'boolean' },
      require: { type: 'boolean' },
    },
  });
  const nvcc = findNvcc();
  if (!nvcc) {
    const message =
      'No CUDA compiler (nvcc) was found: install the CUDA toolkit 12.8 or newer, or set CUDA_HOME.';
    if (values.require || values['gpu-check']) throw new Error(message);
    console.log(`${message} The kernels were not compiled.`);
    return;
  }
  if (values['gpu-check']) {
    const program = await buildGpuCheck(nvcc);
    console.log(`Built ${path.relative(root, program)}.`);
    if (!values['no-run']) process.exitCode = await run(program, []);
    return;
  }
  await buildKernels(nvcc);
}

if (require.main === module)
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });

module.exports = { buildGpuCheck, buildKernels, findNvcc, targets };
