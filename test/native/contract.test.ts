import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

import ts from 'typescript';

import { buildInfo } from '../../lib';
import { native } from '../../lib/native/load';
import { locateAddon } from '../../lib/libtorch/build/locate-addon';

function contractNames(): string[] {
  const file = path.join(__dirname, '../../lib/native/contract.ts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const contract = source.statements.find(
    (node): node is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(node) && node.name.text === 'NativeAddon',
  );
  assert.ok(contract);
  return contract.members.map((member) => member.name?.getText(source) ?? '');
}

describe('the addon', () => {
  it('exports exactly what the contract says', () => {
    assert.deepEqual(Object.keys(native()).sort(), contractNames().sort());
  });

  it('says which LibTorch it runs on', () => {
    assert.match(buildInfo().libtorch, /^2\.\d+\.\d+/);
  });

  it('refuses handles that are not its own, without crashing', async () => {
    const addon = native();
    for (const bad of [{}, null, undefined, 1, 'x', [], addon]) {
      assert.throws(() => addon.shape(bad as never), { code: 'ERR_ARGUMENT' });
    }
    const network = addon.iresnet([1, 1, 1, 1], 0.0625, 8, 0, 'float32', 16, 'cpu');
    assert.throws(() => addon.shape(network as never), { code: 'ERR_ARGUMENT' });
    const tensor = addon.allocate([1], 'float32', 'cpu');
    assert.throws(() => addon.iresnetParameters(tensor as never), { code: 'ERR_ARGUMENT' });
    addon.disposeNetwork(network);
    assert.throws(() => addon.iresnetParameters(network), { code: 'ERR_DISPOSED' });
    await addon.synchronize();
  });

  it('loads in worker threads, and a worker may end in the middle of its work', async () => {
    const addon = locateAddon().find((candidate) => {
      try {
        createRequire(__filename)(candidate);
        return true;
      } catch {
        return false;
      }
    });
    const script = `
      const { workerData, parentPort } = require('node:worker_threads');
      const addon = require(workerData);
      addon.initialize(Error, false);
      (async () => {
        const a = await addon.full([64, 64], 2, 'float32');
        const b = await addon.matmul(a, a);
        parentPort.postMessage(await addon.item(await addon.amax(b, null, false)));
        for (let i = 0; i < 500; i++) void addon.matmul(addon.matmul(a, a), a);
        process.exit(0);
      })();
    `;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(script, { eval: true, workerData: addon });
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      const value = await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      assert.equal(value, 256);
      await ended;
    }
    assert.equal((await native().getThreads()) > 0, true);
  });
});
