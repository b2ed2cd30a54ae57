import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { FaceDataset } from '../../lib/data/face-dataset';
import { DataLoader, type DataLoaderOptions } from '../../lib/data/loader/data-loader';
import { collect, compileWorker, withLoader, writeWorker, type Digest } from '../support/loader';
import { makeDataset } from '../support/faces';
import { temporaryFolder } from '../support/folder';

const ROOT = path.join(__dirname, '..', '..');

describe('the flow of batches', () => {
  const folder = temporaryFolder();
  const root = path.join(folder, 'faces');
  let dataset: FaceDataset;
  const workerFile = compileWorker();
  before(async () => {
    dataset = await FaceDataset.open(await makeDataset(root, [9, 1, 20, 10]));
  });
  after(() => dataset.close());

  it('stands neither for slow workers nor for a slow consumer, nor both in turn', async () => {
    const expected = await withLoader(dataset, { batchSize: 4, workerFile }, (loader) => collect(loader, 0));
    const slowWorker = writeWorker(
      path.join(folder, 'slow.js'),
      workerFile,
      `const post = parentPort.postMessage.bind(parentPort);
       let replies = 0;
       parentPort.postMessage = (reply) => setTimeout(() => post(reply), replies++ % 3 ? 0 : 40);`,
    );
    for (const [file, pause] of [
      [slowWorker, 0],
      [workerFile, 15],
      [slowWorker, 15],
    ] as const)
      for (const queueDepth of [1, 3])
        await withLoader(
          dataset,
          { batchSize: 4, workers: 2, queueDepth, workerFile: file },
          async (loader) => {
            const indices: number[] = [];
            const samples: number[][] = [];
            for await (const batch of loader.epoch(0)) {
              if (batch.index % 2 === 0) await delay(pause);
              indices.push(batch.index);
              samples.push([...batch.sampleIndex]);
              batch.release();
            }
            assert.deepEqual(indices, [...expected.keys()]);
            assert.deepEqual(
              samples,
              expected.map(({ sampleIndex }) => sampleIndex),
            );
          },
        );
  });

  it('takes no more memory than it says, however slow the consumer', async () => {
    for (const queueDepth of [1, 2, 5])
      await withLoader(dataset, { batchSize: 3, workers: 2, queueDepth, workerFile }, async (loader) => {
        const memories = new Set<ArrayBufferLike>();
        for (const epoch of [0, 1])
          for await (const batch of loader.epoch(epoch)) {
            memories.add(batch.images.buffer);
            await delay(3);
            batch.release();
          }
        const bytes = [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0);
        assert.equal(bytes, loader.maxBatchBytes);
        assert.equal(loader.maxBatchBytes, queueDepth * (3 * 112 * 112 * 3 + 8 * 3));
      });
  });

  it('keeps its memory over 10,000 batches', async () => {
    const script = `
      const { FaceDataset } = require('./lib/data/face-dataset');
      const { DataLoader } = require('./lib/data/loader/data-loader');
      (async () => {
        const dataset = await FaceDataset.open(process.argv[1]);
        const augment = { photometric: { probability: 0.1 }, jpeg: { probability: 0.1 } };
        const loader = new DataLoader(dataset, { batchSize: 2, seed: 1, workers: 2, augment, workerFile: process.argv[2] });
        const megabytes = [];
        for (let epoch = 0, batches = 0; batches < 10_000; epoch++)
          for await (const batch of loader.epoch(epoch)) {
            batch.release();
            if (++batches % 1000 === 0) megabytes.push(process.memoryUsage().rss / 2 ** 20);
          }
        await loader.close();
        console.log(JSON.stringify(megabytes));
      })();`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['-r', 'ts-node/register/transpile-only', '-e', script, root, workerFile],
      { cwd: ROOT, timeout: 110_000 },
    );
    const megabytes = JSON.parse(stdout) as number[];
    assert.equal(megabytes.length, 10);
    // The heaps of three threads breathe; what leaks 8 kB a batch would show.
    const growth = Math.min(...megabytes.slice(7)) - Math.max(...megabytes.slice(2, 4));
    assert.ok(growth < 48, `${megabytes.map(Math.round).join(', ')} MB`);
  });

  describe('with augmentation', () => {
    const augment: DataLoaderOptions['augment'] = {
      crop: { probability: 0.3 },
      photometric: { probability: 0.3 },
      gaussianBlur: { probability: 0.2 },
      lowResolution: { probability: 0.3 },
      jpeg: { probability: 0.3 },
    };
    /** The checksum of each sample's pixels. */
    const bySample = (batches: Digest[]) =>
      new Map(batches.flatMap(({ sampleIndex, sums }) => sampleIndex.map((sample, i) => [sample, sums[i]])));

    it('does the same to a sample whatever workers, batches, ranks and start', async () => {
      const whole = await withLoader(dataset, { augment, workerFile }, (loader) => collect(loader, 4));
      const expected = bySample(whole);
      assert.equal(expected.size, 40);
      const plain = bySample(await withLoader(dataset, { workerFile }, (loader) => collect(loader, 4)));
      const changed = [...expected].filter(([sample, sum]) => plain.get(sample) !== sum).length;
      assert.ok(changed > 20 && changed < 40, `${changed} of 40 changed`);
      for (const workers of [0, 2])
        await withLoader(dataset, { augment, workers, workerFile }, async (loader) => {
          assert.deepEqual(await collect(loader, 4, 3), whole.slice(3));
          assert.notDeepEqual(bySample(await collect(loader, 5)), expected);
          assert.deepEqual(await collect(loader, 4), whole);
        });
      const five = await withLoader(dataset, { augment, batchSize: 5, workers: 3, workerFile }, (l) =>
        collect(l, 4),
      );
      const ranks: Digest[] = [];
      for (const rank of [0, 1])
        ranks.push(
          ...(await withLoader(dataset, { augment, batchSize: 4, rank, worldSize: 2, workerFile }, (l) =>
            collect(l, 4),
          )),
        );
      for (const batches of [five, ranks]) {
        const found = bySample(batches);
        assert.equal(found.size, 40);
        for (const [sample, sum] of found) assert.equal(sum, expected.get(sample), `sample ${sample}`);
      }
    });

    it('depends on the seed, and is off when every probability is 0', async () => {
      const sums = async (options: Partial<DataLoaderOptions>) =>
        bySample(await withLoader(dataset, { ...options, workerFile }, (loader) => collect(loader, 0)));
      const [one, two] = [await sums({ augment }), await sums({ augment, seed: 2 })];
      assert.ok([...one].some(([sample, sum]) => two.get(sample) !== sum));
      assert.deepEqual(await sums({ augment: { crop: { probability: 0 } } }), await sums({}));
    });

    it('refuses bad options', () => {
      assert.throws(
        () => new DataLoader(dataset, { batchSize: 8, seed: 1, augment: { jpeg: { probability: -1 } } }),
        {
          code: 'ERR_ARGUMENT',
          message: /augment\.jpeg\.probability/,
        },
      );
    });
  });
});
