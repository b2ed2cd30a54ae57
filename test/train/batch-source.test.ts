import assert from 'node:assert/strict';

import { Tensor, scope } from '../../lib';
import type { Batch } from '../../lib';
import type { BatchInput } from '../../lib/train/batch-input';
import { BatchSource } from '../../lib/train/batch-source';
import { leavesNoTensors } from '../support/tensors';

const uploaded: number[] = [];
const upload = async (batch: Batch): Promise<BatchInput> => {
  uploaded.push(batch.index);
  const [images, labels, sampleIndex] = [
    await Tensor.ones([1]),
    await Tensor.ones([2]),
    await Tensor.ones([3]),
  ];
  return { images, labels, sampleIndex };
};

describe('a source of batches', () => {
  const loader = { skipped: 0 };
  let released: number[];
  let isLeft: boolean;
  /** Batches 0 to 3; each counts one replaced sample for its index. */
  async function* epoch(failing = -1): AsyncGenerator<Batch, void, undefined> {
    try {
      for (let index = 0; index < 4; index++) {
        loader.skipped += index;
        if (index === failing) throw new Error('damaged');
        yield { index, size: 1, release: () => void released.push(index) } as Batch;
      }
    } finally {
      isLeft = true;
    }
  }
  beforeEach(() => {
    [loader.skipped, released, isLeft] = [0, [], false];
    uploaded.length = 0;
  });

  it('brings a batch up while the one before is computed with, in its order', async () => {
    loader.skipped = 5; // of a batch that the epoch before did not use
    const source = new BatchSource(epoch(), loader, upload);
    const seen: [index: number, skipped: number, isUploaded: boolean][] = [];
    for await (const batch of source) {
      seen.push([batch.index, source.skipped, batch.input !== undefined]);
      source.skipped = 0;
      for (const tensor of Object.values((await batch.input) ?? {})) tensor.dispose();
      if (batch.index === 1) continue;
      source.prepare();
      source.prepare();
      await new Promise(setImmediate);
      assert.equal(source.skipped, 0, 'what is fetched ahead is counted when it is used');
    }
    assert.deepEqual(seen, [
      [0, 5, false],
      [1, 1, true],
      [2, 2, false],
      [3, 3, true],
    ]);
    assert.deepEqual(uploaded, [1, 3]);
    assert.ok(isLeft);
  });

  it('tells an error when its batch is asked for', async () => {
    const source = new BatchSource(epoch(1), loader, upload);
    await source.next();
    source.prepare();
    await new Promise(setImmediate);
    await assert.rejects(source.next(), /damaged/);
  });

  it('gives back what it fetched and nobody used, and makes no tensors in the scope of a step', async () => {
    await leavesNoTensors(async () => {
      const source = new BatchSource(epoch(), loader, upload);
      await source.next();
      await scope(async () => {
        source.prepare();
        await new Promise(setImmediate);
      });
      const kept = await (await source.next()).value?.input;
      assert.deepEqual(await kept?.labels.toArray(), [1, 1]);
      for (const tensor of Object.values(kept ?? {})) tensor.dispose();
      source.prepare();
      await source.return();
    });
    assert.deepEqual(released, [2]);
    assert.ok(isLeft);
    assert.equal(loader.skipped, 0 + 1);
  });
});
