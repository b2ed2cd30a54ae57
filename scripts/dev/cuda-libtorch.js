'use strict';
// The CUDA variant of LibTorch with the libraries it needs (cuBLAS, cuDNN, NCCL, ...), from the torch wheel and
// NVIDIA's wheels, in the user's cache: FOLDER/torch and FOLDER/nvidia, as the libraries look for each other.
const fs = require('node:fs');
const path = require('node:path');
const { loadLib } = require('../load');
const { run } = require('../run');

const version = '2.14.1';
const mark = 'kappaface-cuda.json';

const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
/** Wheels that run with glibc 2.28; pip does not take the older ones for granted. */
const platforms = [
  ...Array.from({ length: 24 }, (_, i) => `manylinux_2_${28 - i}_${machine}`),
  `manylinux2014_${machine}`,
];

function pip(folder, requirements, { withDependencies }) {
  return [
    ...['-m', 'pip', 'install', '--target', folder, '--upgrade', '--only-binary=:all:'],
    ...[
      '--python-version',
      '3.11',
      '--implementation',
      'cp',
      '--abi',
      'cp311',
      '--abi',
      'abi3',
      '--abi',
      'none',
    ],
    ...platforms.flatMap((tag) => ['--platform', tag]),
    ...['--retries', '0', '--no-cache-dir', '--no-input', '--no-compile', '--disable-pip-version-check'],
    ...(withDependencies ? [] : ['--no-deps']),
    ...requirements,
  ];
}

/**
 * The NVIDIA packages that a torch wheel names, with their versions, and what of the toolkit goes with them: the compiler,
 * and headers (cccl) that those of c10d's NCCL engine ask for.
 */
function nvidiaPackages(folder) {
  const info = fs.readdirSync(folder).find((name) => /^torch-.*\.dist-info$/.test(name));
  if (!info) throw new Error(`${folder} holds no torch: the wheel was not unpacked.`);
  const metadata = fs.readFileSync(path.join(folder, info, 'METADATA'), 'utf8');
  const named = [...metadata.matchAll(/^Requires-Dist: ((?:cuda-toolkit|nvidia-)[^;\s]*)/gm)];
  const packages = named.map((match) => match[1]);
  const toolkit = packages.map((name) => /^cuda-toolkit\[.*\](==.*)$/.exec(name)?.[1]).find(Boolean);
  return toolkit === undefined ? packages : [...packages, `cuda-toolkit[nvcc,crt,nvvm,cccl]${toolkit}`];
}

async function install(python, folder, requirements, options) {
  const lines = [];
  const code = await run(python, pip(folder, requirements, options), {
    onLine: (line) => {
      lines.push(line);
      if (/^\s*(Collecting|Downloading|Installing)/.test(line)) console.log(`  ${line.trim().slice(0, 110)}`);
    },
  });
  if (code === 0) return;
  const reason = lines.filter((line) => /^ERROR/.test(line)).join('\n') || lines.slice(-5).join('\n');
  throw new Error(`pip could not install ${requirements.join(' ')}:\n${reason}`);
}

/** Brings headers into a cache that an earlier version filled without them. */
async function complete(python, folder) {
  if (fs.existsSync(path.join(folder, 'nvidia', 'cu13', 'include', 'nv', 'target'))) return;
  const toolkit = nvidiaPackages(folder).find((name) => name.startsWith('cuda-toolkit[nvcc'));
  if (toolkit === undefined) return;
  // Aside: pip would put a new folder nvidia in the place of the one that is there.
  const partial = `${folder}.partial`;
  fs.rmSync(partial, { recursive: true, force: true });
  try {
    await install(python, partial, [toolkit.replace(/\[.*\]/, '[cccl]')], { withDependencies: true });
    fs.cpSync(path.join(partial, 'nvidia'), path.join(folder, 'nvidia'), { recursive: true });
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
}

async function cacheFolder() {
  const { readEnv } = await loadLib('libtorch/index');
  return path.join(readEnv().cache, 'libtorch', `${version}-cuda`);
}

/** @returns {Promise<boolean>} whether the CUDA variant lies in the cache */
async function isFetched() {
  return fs.existsSync(path.join(await cacheFolder(), mark));
}

/**
 * Finds the CUDA variant in the cache, or fetches it: prepared aside and renamed, so that an interruption leaves
 * nothing half done.
 *
 * @returns {Promise<{folder: string, libtorch: string, nvcc: string}>} nvcc: NVIDIA's compiler of the wheels
 */
async function cudaLibtorch() {
  const { readEnv, withLock } = await loadLib('libtorch/index');
  const env = readEnv();
  const folder = await cacheFolder();
  const found = {
    folder,
    libtorch: path.join(folder, 'torch'),
    nvcc: path.join(folder, 'nvidia', 'cu13', 'bin', 'nvcc'),
  };
  const python = env.python ?? 'python3';
  if (fs.existsSync(path.join(folder, mark))) {
    await withLock(`${folder}.lock`, () => complete(python, folder));
    return found;
  }
  if (process.platform !== 'linux') throw new Error('The CUDA variant is built on Linux only.');
  await withLock(`${folder}.lock`, async () => {
    if (fs.existsSync(path.join(folder, mark))) return;
    const partial = `${folder}.partial`;
    fs.rmSync(partial, { recursive: true, force: true });
    fs.mkdirSync(partial, { recursive: true });
    const { bavail, bsize } = fs.statfsSync(partial);
    if (bavail * bsize < 9e9)
      throw new Error(
        `${env.cache} has ${(bavail * bsize) / 1e9} GB free; CUDA and LibTorch need 9 GB meanwhile.`,
      );
    try {
      console.log(`Fetching torch ${version} with CUDA and NVIDIA's libraries (about 4 GB) ...`);
      await install(python, partial, [`torch==${version}`], { withDependencies: false });
      const packages = nvidiaPackages(partial);
      if (packages.length === 0) throw new Error(`torch ${version} from this index has no CUDA in it.`);
      await install(python, partial, packages, { withDependencies: true });
      fs.writeFileSync(path.join(partial, mark), `${JSON.stringify({ version, packages }, null, 2)}\n`);
      fs.rmSync(folder, { recursive: true, force: true });
      fs.renameSync(partial, folder);
    } finally {
      fs.rmSync(partial, { recursive: true, force: true });
    }
  });
  return found;
}

module.exports = { cudaLibtorch, isFetched };
