import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FaceDataset } from '../../lib/data/face-dataset';
import { DataLoader } from '../../lib/data/loader/data-loader';
import { ReadAhead } from '../../lib/data/loader/read-ahead';
import { Sampler } from '../../lib/data/loader/sampler';
import { jpeg, makeDataset } from '../support/faces';
import { temporaryFolder } from '../support/folder';

const blocks = { shuffle: 'block', blockSize: 4, windowBlocks: 2, batchSize: 4, seed: 9 } as const;

describe('reading in blocks', () => {
  const folder = temporaryFolder();
  let dataset: FaceDataset;

  before(async () => {
    const images = path.join(folder, 'images');
    for (const name of ['ann', 'bob']) {
      mkdirSync(path.join(images, name), { recursive: true });
      for (const n of [0, 1, 2]) writeFileSync(path.join(images, name, `${n}.jpg`), jpeg(n));
    }
    const root = await makeDataset(path.join(folder, 'faces'), [10, 12, 8]);
    dataset = await FaceDataset.open([{ root }, { root: images, weight: 2 }]);
  });
  after(() => dataset.close());

  async function seen(loader: DataLoader, epoch: number, startBatch = 0): Promise<number[][]> {
    const batches: number[][] = [];
    for await (const batch of loader.epoch(epoch, { startBatch })) {
      batches.push([...batch.sampleIndex]);
      for (const [k, sample] of batch.sampleIndex.entries())
        assert.equal(batch.labels[k], dataset.labels[sample]);
      batch.release();
    }
    return batches;
  }

  it('gives the batches of the sampler from records and files, again when it resumes, and as often as the weights say', async () => {
    const loader = new DataLoader(dataset, { ...blocks, workers: 1, dropLast: false });
    try {
      assert.equal(loader.epochLength, 30 + 12);
      const whole = await seen(loader, 1);
      assert.equal(whole.flat().length, 42);
      const times = new Map<number, number>();
      for (const sample of whole.flat()) times.set(sample, (times.get(sample) ?? 0) + 1);
      for (let sample = 0; sample < 36; sample++) assert.equal(times.get(sample), sample < 30 ? 1 : 2);
      assert.deepEqual(await seen(loader, 1, 5), whole.slice(5));
      for await (const batch of loader.epoch(2)) {
        batch.release();
        break; // what is being read ahead is given up
      }
      assert.deepEqual(await seen(loader, 1), whole);
    } finally {
      await loader.close();
    }
  });

  it('reads ahead the window in use and the next, and is done before a batch begins', async () => {
    const { table } = dataset;
    const sampler = new Sampler({ ...blocks, length: 36 });
    const ahead = ReadAhead.for(table, sampler)!;
    const first = ahead.prepare(0, 0);
    assert.ok(first instanceof Promise);
    await first;
    assert.equal(ahead.prepare(0, 0), undefined);
    await ahead.prepare(0, 2);
    assert.equal(ahead.prepare(0, 3), undefined);
    ahead.stop();
    assert.ok(ahead.prepare(0, 3) instanceof Promise);
    await ahead.close();
    await ahead.close();
    assert.equal(ReadAhead.for(table, new Sampler({ ...blocks, length: 36, shuffle: 'full' })), undefined);
  });

  it('leaves what cannot be read to those who know the record', async () => {
    const root = await makeDataset(path.join(folder, 'gone'), [10]);
    const set = await FaceDataset.open(root);
    rmSync(path.join(root, 'train.rec'));
    const ahead = ReadAhead.for(set.table, new Sampler({ ...blocks, length: 10 }))!;
    await ahead.prepare(0, 0);
    await ahead.close();
    set.close();
  });
});
