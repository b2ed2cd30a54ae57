'use strict';
// The bundle for a machine with a GPU on one without: what scripts/gpu/run.sh does there, in a fresh checkout, without
// a network, without this machine's Node and modules, in an empty environment, on the CPU. It builds against the CUDA
// LibTorch of `npm run build:cuda` where that was fetched, else against the one for the CPU. It takes minutes.
// node scripts/gpu/dry-run.js, after npm run gpu:pack; [--parts "unpack build train"] as GPU_PARTS
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { findNvcc } = require('../dev/build-kernels');
const { cudaLibtorch, isFetched } = require('../dev/cuda-libtorch');
const { loadLib, root } = require('../load');

/** A checkout as it travels: what git knows of and what it would, and the bundle. */
function checkOut(target) {
  const git = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = execFileSync('git', git, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  const files = listed.split('\0').filter((file) => file !== '' && fs.existsSync(path.join(root, file)));
  for (const file of [...files, ...fs.readdirSync(path.join(root, '.gpu')).map((name) => `.gpu/${name}`)]) {
    const from = path.join(root, file);
    if (!fs.lstatSync(from).isFile()) continue;
    const to = path.join(target, file);
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.copyFileSync(from, to);
  }
}

/** How to take network and Node away; what can be taken. */
function isolation() {
  const hidden = `mount --bind /dev/null ${JSON.stringify(fs.realpathSync(process.execPath))}`;
  // A machine without a network still reaches itself.
  const itself = '{ ip link set lo up 2>/dev/null || true; }';
  const whole = ['unshare', '--net', '--mount', 'bash', '-c', `${hidden} && ${itself} && exec "$@"`, 'bash'];
  if (spawnSync(whole[0], [...whole.slice(1), 'true']).status === 0) return whole;
  const net = [
    'unshare',
    '--user',
    '--map-root-user',
    '--net',
    'bash',
    '-c',
    `${itself} && exec "$@"`,
    'bash',
  ];
  if (spawnSync(net[0], [...net.slice(1), 'true']).status === 0) return net;
  console.log('Neither network nor Node can be taken away here: the bundle could use them unseen.');
  return [];
}

async function torchFolder() {
  if (await isFetched()) return (await cudaLibtorch()).libtorch;
  const { findLibtorch } = await loadLib('libtorch/index');
  return findLibtorch().root;
}

async function main() {
  const { values } = parseArgs({ options: { parts: { type: 'string' } } });
  const nvcc = findNvcc();
  if (!nvcc) throw new Error('The dry run needs nvcc: put it into PATH, or set CUDA_HOME.');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'kappa-gpu-'));
  try {
    const [checkout, home, out] = ['checkout', 'home', 'out'].map((name) => path.join(folder, name));
    for (const made of [checkout, home, out]) fs.mkdirSync(made);
    checkOut(checkout);
    const env = {
      PATH: [path.dirname(nvcc), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
      HOME: home,
      OUT: out,
      GPU_DEVICE: 'cpu',
      GPU_TORCH: process.env.GPU_TORCH ?? (await torchFolder()),
      ...(values.parts === undefined ? {} : { GPU_PARTS: values.parts }),
      // What was compiled before need not be compiled again.
      CCACHE_DIR: process.env.CCACHE_DIR ?? path.join(os.homedir(), '.cache', 'ccache'),
    };
    const [command, ...args] = [...isolation(), 'bash', path.join(checkout, 'scripts', 'gpu', 'run.sh')];
    const { status } = spawnSync(command, args, {
      env,
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (status !== 0) throw new Error(`scripts/gpu/run.sh ended with ${status}.`);
    checkNode(fs.readFileSync(path.join(out, 'build.txt'), 'utf8'), checkout);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** It must have been the Node of the bundle. */
function checkNode(text, checkout) {
  const own = path.join(fs.realpathSync(checkout), 'build', 'gpu', 'node');
  const used = /^Node v\S+ of (\S+),/m.exec(text)?.[1];
  if (used === undefined || fs.realpathSync(path.dirname(used)) !== path.dirname(own))
    throw new Error(`The dry run used ${used}, and not the Node of the bundle.`);
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
