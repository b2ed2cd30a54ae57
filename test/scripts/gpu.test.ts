import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder, writeFile } from '../support/folder';

const scripts = path.join(__dirname, '..', '..', 'scripts', 'gpu');

describe('the bundle for a machine with a GPU', () => {
  it('says what everything comes to, and refuses what is too big', () => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { checkWeight } = require(path.join(scripts, 'pack.js')) as {
      checkWeight(parts: Record<string, number>): void;
    };
    const mebibyte = 2 ** 20;
    const lines: string[] = [];
    const { log } = console;
    console.log = (line: string) => lines.push(line);
    try {
      checkWeight({ '.gpu': 23 * mebibyte, checkout: 5 * mebibyte, '../shared': 36 * mebibyte });
    } finally {
      console.log = log;
    }
    assert.deepEqual(lines, [
      '.gpu 23.0 MiB, checkout 5.0 MiB, ../shared 36.0 MiB: 64.0 MiB in all, of 64.0 MiB.',
    ]);
    assert.throws(
      () => checkWeight({ '.gpu': 23 * mebibyte, checkout: 5 * mebibyte, '../shared': 36 * mebibyte + 1 }),
      /Too much for the machine with the GPU: .gpu 23.0 MiB, checkout 5.0 MiB, ..\/shared 36.0 MiB/,
    );
  });

  describe('run.sh', function () {
    before(function () {
      if (process.platform !== 'linux') this.skip();
    });
    const run = (variables: Record<string, string>) => {
      const out = temporaryFolder();
      const env = { PATH: process.env.PATH, HOME: out, OUT: out, GPU_DEVICE: 'cpu', ...variables };
      const { status } = spawnSync('bash', [path.join(scripts, 'run.sh')], { env, encoding: 'utf8' });
      return { status, summary: readFileSync(path.join(out, 'summary.txt'), 'utf8') };
    };

    it('runs no part that was not asked for', () => {
      const { status, summary } = run({ GPU_TORCH: '/nowhere', GPU_PARTS: 'nothing' });
      assert.equal(status, 0, summary);
      assert.match(summary, /^\[ +\d+ s\] all parts done, \d+ s\n$/);
    });

    it('begins no part when the time is over, and fails', () => {
      const { status, summary } = run({
        GPU_TORCH: '/nowhere',
        GPU_PARTS: 'kernels parity',
        GPU_SECONDS: '0',
      });
      assert.equal(status, 1);
      assert.match(summary, /kernels: no time was left\n.*parity: no time was left\n.*some parts FAILED/);
    });

    it('goes on after a part that failed, and fails at the end', () => {
      // No kernels were built here, and no tests are unpacked.
      const { status, summary } = run({
        GPU_TORCH: '/nowhere',
        GPU_PARTS: 'bench train',
        PATH: toolsWithoutNode(),
      });
      assert.equal(status, 1);
      assert.match(summary, /bench: FAILED \(127\).*\n.*train, at most.*\n.*train: FAILED \(127\)/);
    });

    it('says what to do where the Python has no PyTorch', () => {
      const folder = temporaryFolder();
      const python = writeFile(folder, 'python', '#!/bin/sh\nexit 1\n');
      spawnSync('chmod', ['+x', python]);
      const { status, summary } = run({ KAPPA_PYTHON: python });
      assert.equal(status, 1);
      assert.match(summary, /has no PyTorch: name one that has in KAPPA_PYTHON, or its folder in GPU_TORCH/);
    });

    /** A folder with what a shell script needs, and without Node. */
    function toolsWithoutNode(): string {
      const folder = temporaryFolder();
      for (const name of ['bash', 'cat', 'cp', 'date', 'dirname', 'mkdir', 'rm', 'tail', 'tee', 'timeout']) {
        const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
        spawnSync('ln', ['-s', found, path.join(folder, name)]);
      }
      return folder;
    }
  });
});
