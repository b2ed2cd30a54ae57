import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FaceDataset } from '../../lib/data/face-dataset';
import { DataLoader, type WorkerCrash } from '../../lib/data/loader/data-loader';
import {
  collect,
  compileWorker,
  withLoader,
  writeDyingWorker,
  writeWorker,
  type Digest,
} from '../support/loader';
import { rejects } from '../support/assert';
import { makeDataset } from '../support/faces';
import { temporaryFolder } from '../support/folder';

describe('a loader whose workers end', () => {
  const folder = temporaryFolder();
  const compiled = compileWorker();
  let dataset: FaceDataset;
  let undisturbed: Digest[];
  before(async () => {
    dataset = await FaceDataset.open(await makeDataset(path.join(folder, 'faces'), [9, 1, 20, 10]));
    undisturbed = await withLoader(dataset, { workerFile: compiled }, (loader) => collect(loader, 0));
  });
  after(() => dataset.close());

  it('goes on with the same batches, and tells the record', async () => {
    for (const workers of [1, 2]) {
      const workerFile = writeDyingWorker(path.join(folder, `once-${workers}.js`), compiled, 17, 1);
      const crashes: WorkerCrash[] = [];
      await withLoader(
        dataset,
        { workers, workerFile, onRestart: (crash) => crashes.push(crash) },
        async (loader) => {
          assert.deepEqual(await collect(loader, 0), undisturbed);
          assert.equal(loader.workerRestarts, 1);
          assert.equal(loader.skipped, 0);
          assert.deepEqual(await collect(loader, 0), undisturbed);
        },
      );
      assert.equal(crashes.length, 1);
      assert.equal(crashes[0]!.sampleIndex, 17);
      assert.match(
        crashes[0]!.message,
        /worker \d stopped unexpectedly at .*train\.rec: sample 17 \(key 18, record at byte \d+\): exit code 3/,
      );
    }
  });

  it('treats a record that ends two of them as damaged', async () => {
    const workerFile = writeDyingWorker(path.join(folder, 'always.js'), compiled, 17);
    const skipped: number[][] = [];
    await withLoader(
      dataset,
      { workerFile, onCorrupt: 'skip', onSkip: (s) => skipped.push([s.sampleIndex, s.replacedBy]) },
      async (loader) => {
        const batches = await collect(loader, 0);
        const samples = batches.flatMap(({ sampleIndex }) => sampleIndex);
        assert.deepEqual(
          samples,
          undisturbed.flatMap(({ sampleIndex }) =>
            sampleIndex.map((sample) => (sample === 17 ? 18 : sample)),
          ),
        );
        assert.deepEqual([loader.workerRestarts, loader.skipped], [2, 1]);
        // It is remembered: another epoch ends no worker.
        await collect(loader, 1);
        assert.deepEqual([loader.workerRestarts, loader.skipped], [2, 2]);
      },
    );
    assert.deepEqual(skipped, [
      [17, 18],
      [17, 18],
    ]);
    await withLoader(dataset, { workerFile }, (loader) =>
      rejects(collect(loader, 0), 'ERR_DATA_CORRUPT', /sample 17 \(key 18.*workers ended twice/),
    );
  });

  it('reports a damaged record once, although its batch is done twice', async () => {
    const copy = await makeDataset(path.join(folder, 'damaged'), [9, 1, 20, 10]);
    const rec = path.join(copy, 'train.rec');
    const bytes = readFileSync(rec);
    const first = undisturbed[0]!.sampleIndex;
    const [bad, deadly] = [first[1]!, first[6]!];
    bytes.fill(0, dataset.table.offsets[bad]! + 700, dataset.table.offsets[bad + 1] ?? bytes.length);
    writeFileSync(rec, bytes);
    const damaged = await FaceDataset.open(copy);
    const options = { onCorrupt: 'skip', workerFile: compiled } as const;
    const expected = await withLoader(damaged, options, (loader) => collect(loader, 0));
    const workerFile = writeDyingWorker(path.join(folder, 'later.js'), compiled, deadly, 1);
    await withLoader(damaged, { ...options, workerFile }, async (loader) => {
      assert.deepEqual(await collect(loader, 0), expected);
      assert.deepEqual([loader.workerRestarts, loader.skipped], [1, 1]);
    });
    damaged.close();
  });

  it('stops at the first, or after so many, where told to', async () => {
    const workerFile = writeDyingWorker(path.join(folder, 'limit.js'), compiled, 17);
    await withLoader(dataset, { workerFile, onWorkerCrash: 'stop' }, async (loader) => {
      await rejects(collect(loader, 0), 'ERR_INTERNAL', /: sample 17 \(key 18.*exit code 3\.$/);
      assert.equal(loader.workerRestarts, 0);
    });
    await withLoader(dataset, { workerFile, maxWorkerRestarts: 1 }, (loader) =>
      rejects(collect(loader, 0), 'ERR_INTERNAL', /: sample 17 .*had been restarted 1 times before/),
    );
  });

  it('gives up, instead of trying for ever, when they cannot start', async () => {
    const workerFile = writeWorker(
      path.join(folder, 'broken.js'),
      compiled,
      `throw new Error('no such library');`,
    );
    await withLoader(dataset, { workers: 2, workerFile, maxWorkerRestarts: 3 }, async (loader) => {
      await rejects(collect(loader, 0), 'ERR_INTERNAL', /between two records: no such library.*restarted 3/);
      await rejects(collect(loader, 0), 'ERR_INTERNAL', /no such library/);
    });
  });

  it('says which addon augmentation misses, and needs none without', async () => {
    const workerFile = writeWorker(
      path.join(folder, 'no-addon.js'),
      compiled,
      `lib('../../libtorch/addon/plan').pixelsPlaces = () => ['/nowhere/kappaface-pixels.node'];`,
    );
    const augment = { grey: { probability: 1 } };
    await withLoader(dataset, { workerFile, augment, onCorrupt: 'skip' }, (loader) =>
      rejects(
        collect(loader, 0),
        'ERR_ADDON',
        /addon for pixels could not be loaded.*\/nowhere\/.*npx kappa build/s,
      ),
    );
    await withLoader(dataset, { workerFile }, async (loader) => {
      assert.deepEqual(await collect(loader, 0), undisturbed);
    });
  });

  it('closes while they are being replaced', async () => {
    const first = undisturbed[0]!.sampleIndex[0]!;
    const workerFile = writeDyingWorker(path.join(folder, 'closing.js'), compiled, first);
    let closing: Promise<void> | undefined;
    const onRestart = () => {
      closing = loader.close();
    };
    const loader = new DataLoader(dataset, { batchSize: 8, seed: 1, workers: 2, workerFile, onRestart });
    await rejects(collect(loader, 0), 'ERR_CANCELLED', /closed/);
    await closing;
  });
});
