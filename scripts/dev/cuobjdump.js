'use strict';
// Finds cuobjdump, which lists the code in a binary by GPU: on PATH, in a toolkit, or in the triton wheel that torch
// names, which is fetched once into the user's cache.
const fs = require('node:fs');
const path = require('node:path');
const { findNvcc } = require('./build-kernels');
const { cudaLibtorch } = require('./cuda-libtorch');
const { loadLib } = require('../load');
const { run } = require('../run');

const member = 'triton/backends/nvidia/bin/cuobjdump';

function installed() {
  const nvcc = findNvcc();
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), ...(nvcc ? [path.dirname(nvcc)] : [])];
  return folders.map((folder) => path.join(folder, 'cuobjdump')).find((file) => fs.existsSync(file));
}

async function fetched() {
  const { readEnv, withLock } = await loadLib('libtorch/index');
  const env = readEnv();
  const { folder } = await cudaLibtorch();
  const file = path.join(env.cache, 'cuobjdump', path.basename(folder), 'cuobjdump');
  if (fs.existsSync(file)) return file;
  const info = fs.readdirSync(folder).find((name) => /^torch-.*\.dist-info$/.test(name)) ?? '';
  const metadata = fs.readFileSync(path.join(folder, info, 'METADATA'), 'utf8');
  const requirement = /^Requires-Dist: (triton==[^;\s]+)/m.exec(metadata)?.[1] ?? 'triton';
  const target = path.dirname(file);
  await withLock(`${target}.lock`, async () => {
    if (fs.existsSync(file)) return;
    const partial = `${target}.partial`;
    fs.rmSync(partial, { recursive: true, force: true });
    fs.mkdirSync(partial, { recursive: true });
    try {
      console.log(`Fetching cuobjdump from the wheel of ${requirement} ...`);
      const python = env.python ?? 'python3';
      const lines = [];
      const flags = ['--no-deps', '--only-binary=:all:', '--retries', '0', '--no-cache-dir', '--quiet'];
      const onLine = (line) => lines.push(line);
      let code = await run(python, ['-m', 'pip', 'download', ...flags, '-d', partial, requirement], {
        onLine,
      });
      const wheel = fs.readdirSync(partial).find((name) => name.endsWith('.whl'));
      const unpack = 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])';
      if (code === 0 && wheel)
        code = await run(python, ['-c', unpack, path.join(partial, wheel), member, partial], { onLine });
      if (code !== 0 || !wheel) throw new Error(`cuobjdump could not be fetched:\n${lines.join('\n')}`);
      fs.mkdirSync(target, { recursive: true });
      fs.chmodSync(path.join(partial, member), 0o755);
      fs.renameSync(path.join(partial, member), file);
    } finally {
      fs.rmSync(partial, { recursive: true, force: true });
    }
  });
  return file;
}

/** @returns {Promise<string>} path of the program */
async function findCuobjdump() {
  return installed() ?? fetched();
}

module.exports = { findCuobjdump };
