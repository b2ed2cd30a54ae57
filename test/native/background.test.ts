import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { Tensor, readSafetensors, writeSafetensors } from '../../lib';
import { snapshotTensors, writeSafetensorsAside } from '../../lib/io/safetensors';
import { native } from '../../lib/native/load';
import { rejects } from '../support/assert';
import { temporaryFolder } from '../support/folder';
import { leavesNoTensors } from '../support/tensors';

describe('the background thread', () => {
  const folder = temporaryFolder();

  it('writes while everything else goes on, file by file', async function () {
    const pipe = path.join(folder, 'pipe');
    if (spawnSync('mkfifo', [pipe]).status !== 0) this.skip(); // not on this system
    const tensors = new Map([['a', await Tensor.arange(0, 1000)]]);
    const order: string[] = [];
    const writing = writeSafetensorsAside(pipe, tensors).then(() => order.push('written'));
    const next = path.join(folder, 'next.safetensors');
    const writingNext = writeSafetensorsAside(next, tensors).then(() => order.push('written next'));
    // The pipe is not read yet.
    assert.equal(await (tensors.get('a') as Tensor).sum().item(), 499_500);
    const plain = path.join(folder, 'plain.safetensors');
    await writeSafetensors(plain, tensors);
    assert.ok(!existsSync(next));
    order.push('computed');
    assert.deepEqual(await readFile(pipe), await readFile(plain));
    await Promise.all([writing, writingNext]);
    assert.deepEqual(order, ['computed', 'written', 'written next']);
    assert.deepEqual(await readFile(next), await readFile(plain));
  });

  it('holds its tensors when their handles are disposed of', () =>
    leavesNoTensors(async () => {
      const file = path.join(folder, 'held.safetensors');
      const tensor = await Tensor.from([1, 2, 3]);
      const writing = writeSafetensorsAside(file, new Map([['a', tensor]]));
      tensor.dispose();
      await writing;
      const read = (await readSafetensors(file)).get('a') as Tensor;
      assert.deepEqual(await read.toArray(), [1, 2, 3]);
      read.dispose();
    }));

  it('takes only tensors that are there, whole and on the CPU', async () => {
    const addon = native();
    const write = (handle: unknown): Promise<void> =>
      addon.writeTensorFileAside(path.join(folder, 'x'), new Uint8Array(8), [handle as never]);
    const promise = addon.full([2], 1, 'float32');
    for (const [given, message] of [
      [promise, /received a promise: this call waits for no other/],
      [{}, /Expected a native tensor/],
      [null, /Expected a native tensor/],
    ] as const)
      assert.throws(() => void write(given), { code: 'ERR_ARGUMENT', message });
    const matrix = await Tensor.ones([2, 3]);
    const turned = await matrix.transpose(0, 1);
    await rejects(write(turned.handle), 'ERR_ARGUMENT', /contiguous tensors in the memory of the CPU/);
    assert.ok(!existsSync(path.join(folder, 'x')));
    await promise;
  });

  it('tells what the disk says', async () => {
    const tensors = new Map([['a', await Tensor.ones([4])]]);
    await rejects(
      writeSafetensorsAside(path.join(folder, 'none', 'a'), tensors),
      'ERR_IO',
      /Could not create .*none\/a: No such file/,
    );
  });
});

describe('snapshots', () => {
  it('are copies of the moment, row by row, that nothing changes afterwards', () =>
    leavesNoTensors(async () => {
      const plain = await Tensor.from([1, 2, 3]);
      const images = await Tensor.arange(0, 24).reshape([1, 3, 2, 4]).contiguous('channelsLast');
      const weight = await Tensor.from([1.5], undefined, { dtype: 'float64' });
      weight.requiresGrad = true;
      const taking = snapshotTensors(new Map(Object.entries({ plain, images, weight })));
      const changing = [plain.addInPlace(1), images.fill(0)];
      const taken = await taking;
      await Promise.all(changing);
      assert.deepEqual(await taken.get('plain')?.toArray(), [1, 2, 3]);
      assert.deepEqual(
        await taken.get('images')?.toArray(),
        Array.from({ length: 24 }, (_, i) => i),
      );
      assert.equal(taken.get('images')?.isChannelsLast, false);
      assert.deepEqual([taken.get('weight')?.dtype, taken.get('weight')?.requiresGrad], ['float64', false]);
      for (const tensor of [plain, images, weight, ...taken.values()]) tensor.dispose();
    }));
});
