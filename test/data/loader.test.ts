import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { FaceDataset } from '../../lib/data/face-dataset';
import { DataLoader, type Batch, type DataLoaderOptions } from '../../lib/data/loader/data-loader';
import { flipFlags } from '../../lib/data/loader/sampler';
import { collect, compileWorker, digest, withLoader } from '../support/loader';
import { rejects } from '../support/assert';
import { LFW, jpeg, makeDataset, makeRaw, pixels } from '../support/faces';
import { temporaryFolder } from '../support/folder';

describe('the loader', () => {
  const workerFile = compileWorker();
  const folder = temporaryFolder();
  const root = path.join(folder, 'faces');
  let dataset: FaceDataset;
  before(async () => {
    await makeDataset(root, [9, 1, 20, 10]);
    dataset = await FaceDataset.open(root);
  });
  after(() => dataset.close());

  const using = <T>(
    options: Partial<DataLoaderOptions>,
    work: (loader: DataLoader) => Promise<T>,
    from = dataset,
  ): Promise<T> => withLoader(from, { workerFile, ...options }, work);

  it('gives every sample once, with its own label, pixels and flip flag', async () => {
    const batches = await using({ dropLast: false }, (loader) => collect(loader, 3));
    assert.deepEqual(
      batches.map((batch) => batch.size),
      [8, 8, 8, 8, 8],
    );
    const flip = flipFlags(1, 3);
    const seen = batches.flatMap((batch) => batch.sampleIndex);
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, i) => i),
    );
    for (const { sampleIndex, labels, reds, flips } of batches)
      sampleIndex.forEach((sample, i) => {
        assert.equal(labels[i], dataset.labels[sample]);
        assert.ok(Math.abs(reds[i]! - sample) <= 4, `sample ${sample} is red ${reds[i]}`);
        assert.equal(flips[i], flip(sample));
      });
  });

  it('gives the same batches in the same order whatever the number of workers and the depth of the queue', async () => {
    const one = await using({ queueDepth: 1 }, (loader) => collect(loader, 0));
    assert.equal(one.length, 5);
    assert.deepEqual(
      one.map((batch) => batch.index),
      [0, 1, 2, 3, 4],
    );
    for (const [workers, queueDepth] of [
      [0, 1],
      [0, 4],
      [2, 1],
      [3, 8],
    ])
      assert.deepEqual(await using({ workers, queueDepth }, (loader) => collect(loader, 0)), one);
  });

  it('goes on at any batch, and into the next epoch, with the same workers', async () => {
    await using({}, async (loader) => {
      const whole = await collect(loader, 0);
      assert.deepEqual(await collect(loader, 0, 3), whole.slice(3));
      assert.deepEqual(await collect(loader, 0, 5), []);
      assert.notDeepEqual(await collect(loader, 1), whole);
    });
  });

  it('mirrors nothing where flips are off', async () => {
    const batches = await using({ flip: false }, (loader) => collect(loader, 0));
    assert.ok(batches.every((batch) => batch.flips.every((flag) => flag === 0)));
  });

  it('splits steps over ranks and over the batches of a rank', async () => {
    const collected = (options: Partial<DataLoaderOptions>) =>
      using({ batchSize: 4, ...options }, (loader) => collect(loader, 0));
    const global = await using({ batchSize: 16 }, (loader) => collect(loader, 0));
    const ranks = [
      await collected({ rank: 0, worldSize: 2, accumulate: 2 }),
      await collected({ rank: 1, worldSize: 2, accumulate: 2 }),
    ];
    global.forEach((batch, step) => {
      const parts = ranks.flatMap((batches) => batches.slice(2 * step, 2 * step + 2));
      assert.deepEqual(
        parts.flatMap((part) => part.sampleIndex),
        batch.sampleIndex,
      );
      assert.deepEqual(
        parts.flatMap((part) => part.sums),
        batch.sums,
      );
    });
  });

  it('decodes into shared memory, reads a subset, and keeps at most queueDepth batches', async () => {
    const some = await FaceDataset.open(root, { identities: [3, 0] });
    await using(
      { queueDepth: 2, batchSize: 3 },
      async (loader) => {
        const memories = new Set<ArrayBufferLike>();
        for await (const batch of loader.epoch(0)) {
          assert.ok(batch.images.buffer instanceof SharedArrayBuffer);
          memories.add(batch.images.buffer);
          batch.sampleIndex.forEach((sample, i) => assert.equal(batch.labels[i], some.labels[sample]));
          await new Promise((resolve) => setTimeout(resolve, 5));
          batch.release();
          batch.release();
        }
        assert.equal(memories.size, 2);
      },
      some,
    );
    some.close();
  });

  it('says so, instead of hanging, when every batch is held', async () => {
    await using({ queueDepth: 2 }, async (loader) => {
      const batches = loader.epoch(0);
      const held = [await batches.next(), await batches.next()];
      await rejects(batches.next(), 'ERR_ARGUMENT', /All 2 batches.*release/);
      assert.equal(held.length, 2);
      assert.equal((await collect(loader, 0)).length, 5);
    });
  });

  it('may be left early by break, by throw or by return, and keeps a held batch valid', async () => {
    await using({ queueDepth: 3 }, async (loader) => {
      const whole = await collect(loader, 0);
      let kept: Batch | undefined;
      for await (const batch of loader.epoch(0)) {
        kept = batch;
        break;
      }
      await assert.rejects(async () => {
        for await (const batch of loader.epoch(0)) if (batch.index === 1) throw new Error('the step failed');
      }, /the step failed/);
      const batches = loader.epoch(0);
      await batches.next();
      await batches.return();
      for (let round = 0; round < 3; round++) assert.deepEqual(await collect(loader, 0), whole);
      assert.deepEqual(digest(kept!), whole[0]);
      kept!.release();
      assert.deepEqual(await collect(loader, 0), whole);
    });
  });

  it('lets events come to their turn where it decodes in the calling thread', async () => {
    await using({ workers: 0, batchSize: 4, queueDepth: 8 }, async (loader) => {
      let turns = 0;
      let turn = setImmediate(function next() {
        turns++;
        turn = setImmediate(next);
      });
      // All of the epoch's batches are ordered at once; nothing else waits between them.
      assert.equal((await collect(loader, 0)).length, 10);
      clearImmediate(turn);
      assert.ok(turns >= 10, `${turns} turns of the event loop in 10 batches`);
    });
  });

  it('reads one epoch at a time', async () => {
    await using({}, async (loader) => {
      const first = loader.epoch(0);
      await first.next();
      await rejects(loader.epoch(1).next(), 'ERR_ARGUMENT', /already reading/);
      await first.return();
      assert.equal((await collect(loader, 1)).length, 5);
    });
  });

  it('ends an epoch with ERR_CANCELLED when it is closed in the middle', async () => {
    for (const workers of [0, 2]) {
      const loader = new DataLoader(dataset, { batchSize: 2, seed: 1, workers, workerFile });
      const batches = loader.epoch(0);
      const first = (await batches.next()).value as Batch;
      const { sums } = digest(first);
      const pending = batches.next().then(() => batches.next());
      await Promise.all([loader.close(), loader.close(), rejects(pending, 'ERR_CANCELLED', /closed/)]);
      assert.deepEqual(digest(first).sums, sums);
      assert.throws(() => loader.epoch(0), { code: 'ERR_DISPOSED' });
    }
    const unused = new DataLoader(dataset, { batchSize: 2, seed: 1 });
    await unused.close();
  });

  it('refuses bad options', () => {
    const make = (options: Partial<DataLoaderOptions>) => () =>
      new DataLoader(dataset, { batchSize: 8, seed: 1, ...options });
    assert.throws(make({ workers: -1 }), { code: 'ERR_ARGUMENT', message: /workers/ });
    assert.throws(make({ queueDepth: 0 }), { code: 'ERR_ARGUMENT', message: /queueDepth/ });
    assert.throws(make({ onCorrupt: 'ignore' as 'skip' }), { code: 'ERR_ARGUMENT', message: /onCorrupt/ });
    assert.throws(make({ batchSize: 41 }), { code: 'ERR_CONFIG' });
    assert.throws(() => make({})().epoch(-1), { code: 'ERR_ARGUMENT', message: /epoch/ });
    assert.throws(() => make({})().epoch(0, { startBatch: 6 }), {
      code: 'ERR_ARGUMENT',
      message: /startBatch/,
    });
  });

  describe('with damaged samples', () => {
    let damaged: FaceDataset;
    const BAD = [7, 8, 30];
    before(async () => {
      const copy = await makeDataset(path.join(folder, 'damaged'), [9, 1, 20, 10]);
      const rec = path.join(copy, 'train.rec');
      const bytes = readFileSync(rec);
      // Zeros from the middle of the JPEG to its end.
      for (const i of BAD) bytes.fill(0, dataset.table.offsets[i]! + 700, dataset.table.offsets[i + 1]!);
      writeFileSync(rec, bytes);
      damaged = await FaceDataset.open(copy);
    });
    after(() => damaged.close());

    it('stops at the first, naming it, always the same whatever the number of workers', async () => {
      const messages = new Set<string>();
      for (const workers of [0, 1, 2])
        await using(
          { workers },
          async (loader) => {
            const seen: number[] = [];
            await assert.rejects(
              async () => {
                for await (const batch of loader.epoch(0)) {
                  seen.push(...batch.sampleIndex);
                  batch.release();
                }
              },
              (error: Error & { code: string }) => {
                assert.equal(error.code, 'ERR_DATA_CORRUPT');
                assert.match(
                  error.message,
                  /sample (7|8|30) \(key (8|9|31), record at byte \d+\): the JPEG image is truncated or damaged/,
                );
                messages.add(error.message);
                return true;
              },
            );
            assert.ok(!seen.some((sample) => BAD.includes(sample)));
          },
          damaged,
        );
      assert.equal(messages.size, 1);
    });

    it('puts the next good sample in their place where told to, and reports them', async () => {
      const results = [];
      for (const workers of [0, 1, 2]) {
        const skipped: number[][] = [];
        const batches = await using(
          { workers, onCorrupt: 'skip', onSkip: (s) => skipped.push([s.sampleIndex, s.replacedBy]) },
          async (loader) => {
            const all = await collect(loader, 0);
            assert.equal(loader.skipped, 3);
            return all;
          },
          damaged,
        );
        assert.deepEqual(
          skipped.sort((a, b) => a[0]! - b[0]!),
          [
            [7, 9],
            [8, 9],
            [30, 31],
          ],
        );
        assert.ok(batches.every((batch) => batch.size === 8));
        for (const { sampleIndex, labels, reds, flips } of batches)
          sampleIndex.forEach((sample, i) => {
            assert.equal(labels[i], damaged.labels[sample]);
            assert.ok(Math.abs(reds[i]! - sample) <= 4);
            assert.equal(flips[i], flipFlags(1, 0)(sample));
          });
        results.push(batches);
      }
      assert.deepEqual(results[1], results[0]);
      assert.deepEqual(results[2], results[0]);
    });
  });

  it('gives up when every sample is damaged', async () => {
    const records = [0, 1, 2].map((label) => ({ key: label, label, image: Buffer.from('no image') }));
    const broken = await FaceDataset.open(await makeRaw(path.join(folder, 'broken'), records, '3,112,112'));
    await using(
      { batchSize: 2, onCorrupt: 'skip' },
      (loader) => rejects(collect(loader, 0), 'ERR_DATA_CORRUPT', /not a JPEG, PNG or WebP/),
      broken,
    );
    broken.close();
  });

  it('decodes PNG in every thread, refuses another size, and resizes where told to', async () => {
    const png = (side: number) =>
      sharp(pixels(side, side), { raw: { width: side, height: side, channels: 3 } })
        .png()
        .toBuffer();
    const images = [await png(112), jpeg(112), await png(112)];
    const mixed = await FaceDataset.open(
      await makeRaw(
        path.join(folder, 'mixed'),
        images.map((image, i) => ({ key: i, label: i, image })),
        '3,112,112',
      ),
    );
    for (const workers of [0, 1]) {
      const batches = await using({ batchSize: 3, workers }, (loader) => collect(loader, 0), mixed);
      assert.ok(batches[0]!.reds.every((red) => Math.abs(red! - 112) <= 4));
    }
    mixed.close();
    const other = await FaceDataset.open(
      await makeRaw(path.join(folder, 'small'), [{ key: 0, label: 0, image: jpeg(50, 96) }], '1,112,112'),
    );
    await using(
      { batchSize: 1 },
      (loader) => rejects(collect(loader, 0), 'ERR_DATA_CORRUPT', /96 x 96.*expected 112 x 112/),
      other,
    );
    const resized = await using({ batchSize: 1, resize: true }, (loader) => collect(loader, 0), other);
    assert.ok(Math.abs(resized[0]!.reds[0]! - 50) <= 4);
    other.close();
  });

  it('refuses a record file that was replaced since the dataset was opened', async () => {
    const copy = await makeDataset(path.join(folder, 'replaced'), [4]);
    const set = await FaceDataset.open(copy);
    writeFileSync(path.join(copy, 'train.rec'), 'something else');
    await using(
      { batchSize: 4 },
      (loader) => rejects(collect(loader, 0), 'ERR_DATA_CORRUPT', /changed while it was in use/),
      set,
    );
    set.close();
  });

  it('reports a worker that dies, with its record, and starts anew for the next epoch', async () => {
    const script = path.join(folder, 'dying-worker.js');
    const flag = path.join(folder, 'died');
    const real = path.join(__dirname, '..', '..', 'lib', 'data', 'loader', 'decode-worker.ts');
    // The first worker dies at sample 17; later ones are real.
    writeFileSync(
      script,
      `const { workerData, parentPort } = require('node:worker_threads');
       const fs = require('node:fs');
       if (fs.existsSync(${JSON.stringify(flag)})) {
         require(${JSON.stringify(require.resolve('ts-node/register/transpile-only'))});
         require(${JSON.stringify(real)});
       } else parentPort.on('message', () => {
         fs.writeFileSync(${JSON.stringify(flag)}, '');
         Atomics.store(workerData.control, 1 + workerData.worker, 17);
         if (workerData.batchSize === 8) process.exit(3); else throw new Error('boom');
       });`,
    );
    await using({ workers: 1, onWorkerCrash: 'stop', workerFile: script }, async (loader) => {
      await rejects(
        collect(loader, 0),
        'ERR_INTERNAL',
        /worker 0 stopped unexpectedly at .*train\.rec: sample 17 \(key 18, .*: exit code 3/,
      );
      assert.equal((await collect(loader, 0)).length, 5);
    });
    rmSync(flag);
    await using({ workers: 1, onWorkerCrash: 'stop', batchSize: 4, workerFile: script }, (loader) =>
      rejects(collect(loader, 0), 'ERR_INTERNAL', /boom/),
    );
  });

  it('does not keep the process alive when it is left unclosed', async () => {
    const script = `
      const { FaceDataset } = require('./lib/data/face-dataset');
      const { DataLoader } = require('./lib/data/loader/data-loader');
      (async () => {
        const loader = new DataLoader(await FaceDataset.open(process.argv[1]), { batchSize: 4, seed: 1, workers: 2 });
        for await (const batch of loader.epoch(0)) { console.log(batch.size); break; }
      })();`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['-r', 'ts-node/register/transpile-only', '-e', script, root],
      { cwd: path.join(__dirname, '..', '..'), timeout: 50_000 },
    );
    assert.equal(stdout, '4\n');
  });

  it('reads the real set whole', async function () {
    if (!existsSync(LFW)) this.skip(); // the development set is not present
    const faces = await FaceDataset.open(LFW);
    await using(
      { batchSize: 128, dropLast: false },
      async (loader) => {
        const seen = new Set<number>();
        for await (const batch of loader.epoch(0)) {
          batch.sampleIndex.forEach((sample, i) => {
            seen.add(sample);
            assert.equal(batch.labels[i], faces.labels[sample]);
          });
          batch.release();
        }
        assert.equal(seen.size, 4924);
      },
      faces,
    );
    faces.close();
  });
});
