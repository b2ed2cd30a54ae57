import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Trainer, openCheckpoint, resolveCheckpoint } from '../../lib';
import type { ResolvedConfig, StepReport, TrainResult, TrainerOptions } from '../../lib';
import {
  CLASS_STATISTICS_FILE,
  kappaBins,
  marginBins,
  type ClassStatistics,
} from '../../lib/run/class-statistics';
import { readMetrics } from '../../lib/run/metrics-log';
import { readEvents, type ReadEvent } from '../support/event-reader';
import { temporaryFolder } from '../support/folder';
import { onRanks } from '../support/ranks';
import { checksums, timelessMetrics, tinyConfig, tinyFaces } from '../support/tiny-run';
import type { TrainerRunResult } from '../distributed/trainer-run';

const CLASSES = 6;

function statisticsOf(run: string): ClassStatistics[] {
  return readMetrics(path.join(run, CLASS_STATISTICS_FILE)) as unknown as ClassStatistics[];
}

function boardFiles(run: string): string[] {
  const folder = path.join(run, 'tensorboard');
  return readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name));
}

describe("a run's journal", function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  let faces: string;
  let runs = 0;
  const config = (changes = {}): ResolvedConfig =>
    tinyConfig(faces, path.join(folder, `runs${runs++}`), changes);
  const train = (resolved: ResolvedConfig, options: TrainerOptions = {}): Promise<TrainResult> =>
    new Trainer(resolved, options).run();
  const interrupted = (resolved: ResolvedConfig, steps: number, resume = false): Promise<TrainResult> => {
    const controller = new AbortController();
    const onStep = ({ step }: StepReport): void => void (step >= steps && controller.abort());
    return train(resolved, { onStep, signal: controller.signal, resume });
  };

  before(async () => {
    faces = await tinyFaces(path.join(folder, 'cache'));
  });

  it('has the concentrations and margins of each epoch as the checkpoint has them', async () => {
    const result = await train(config({ train: { epochs: 2, batchSize: 8 } }));
    const lines = statisticsOf(result.folder);
    assert.deepEqual(
      lines.map(({ epoch }) => epoch),
      [1, 2],
    );
    const last = lines.at(-1)!;
    assert.equal(last.step, result.steps);
    assert.equal(last.classes, CLASSES);
    const checkpoint = await openCheckpoint(
      await resolveCheckpoint(path.join(result.folder, 'checkpoints', 'last')),
    );
    const head = await checkpoint.tensors('head');
    const { samples } = JSON.parse(readFileSync(path.join(result.folder, 'dataset.json'), 'utf8')) as {
      samples: number;
    };
    assert.equal(
      last.sample.images.reduce((sum, count) => sum + count, 0),
      samples,
    );
    for (const [name, bins] of [
      ['kappa', kappaBins],
      ['margin', marginBins],
    ] as const) {
      const tensor = head.get(name === 'kappa' ? 'kappa' : 'margins');
      const values = await tensor!.toArray();
      const { min, mean, max, edges, counts } = last[name];
      const near = (actual: number, expected: number, share = 1e-4): void =>
        assert.ok(Math.abs(actual - expected) <= share * Math.abs(expected), `${actual} and ${expected}`);
      near(min, Math.min(...values));
      near(max, Math.max(...values));
      near(mean, values.reduce((sum, value) => sum + value, 0) / CLASSES);
      assert.equal(edges.length, counts.length + 1);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        CLASSES,
      );
      // Each bin by itself, where no value lies on an edge within rounding.
      const expected = counts.map(
        (_, i) => values.filter((value) => value >= edges[i]! && value < edges[i + 1]!).length,
      );
      assert.deepEqual(counts, expected);
      assert.ok(bins.edges.includes(edges[0]!));
      last.sample[name].forEach((value, i) => near(value, values[i]!, 5e-4));
    }
    for (const tensor of head.values()) tensor.dispose();
  });

  it('is of the same bytes in a run that was interrupted and resumed', async () => {
    const changes = { train: { epochs: 3, batchSize: 8, logEvery: 2, checkpointEvery: 3 } };
    const whole = await train(config(changes));
    const pieces = config(changes);
    await interrupted(pieces, 4);
    const perEpoch = whole.steps / 3;
    await interrupted(pieces, perEpoch, true);
    await interrupted(pieces, perEpoch + 1, true);
    const result = await train(pieces, { resume: true });
    const text = (run: string): string => readFileSync(path.join(run, CLASS_STATISTICS_FILE), 'utf8');
    assert.equal(text(result.folder), text(whole.folder));
    assert.equal(text(whole.folder).split('\n').length, 4);
  });

  it('drops the epochs beyond the checkpoint that a run goes on from', async () => {
    const changes = { train: { epochs: 3, batchSize: 8, keepCheckpoints: 9 } };
    const resolved = config(changes);
    const whole = await train(resolved);
    const first = path.join(
      whole.folder,
      'checkpoints',
      readdirSync(path.join(whole.folder, 'checkpoints'))
        .sort()
        .find((name) => name.startsWith('step-'))!,
    );
    const controller = new AbortController();
    await train(resolved, { resume: first, signal: controller.signal, onStep: () => controller.abort() });
    assert.deepEqual(
      statisticsOf(whole.folder).map(({ epoch }) => epoch),
      [1],
    );
  });

  it('tells nothing of the classes where the head estimates nothing', async () => {
    const result = await train(config({ head: { kind: 'arcface' }, train: { epochs: 1, batchSize: 8 } }));
    assert.deepEqual(statisticsOf(result.folder), []);
  });

  it('leaves training as it is, with and without TensorBoard', async () => {
    const withBoard = await train(config({ train: { epochs: 2, batchSize: 8 } }));
    const without = await train(config({ train: { epochs: 2, batchSize: 8, tensorboard: false } }));
    assert.ok(existsSync(path.join(withBoard.folder, 'tensorboard')));
    assert.ok(!existsSync(path.join(without.folder, 'tensorboard')));
    assert.deepEqual(await checksums(withBoard.folder), await checksums(without.folder));
    assert.deepEqual(timelessMetrics(withBoard.folder), timelessMetrics(without.folder));
  });

  it('tells TensorBoard what metrics.jsonl has', async () => {
    const result = await train(config({ train: { epochs: 2, batchSize: 8, logEvery: 2 } }));
    const [file, ...more] = boardFiles(result.folder);
    assert.deepEqual(more, []);
    const [first, ...events] = readEvents(readFileSync(file!));
    assert.equal(first?.fileVersion, 'brain.Event:2');
    const lines = readMetrics(path.join(result.folder, 'metrics.jsonl'));
    const shown = events.filter(({ scalars }) => 'train/loss' in scalars);
    const logged = lines.filter(({ loss }) => typeof loss === 'number');
    assert.ok(logged.length > 2);
    assert.deepEqual(
      shown.map(({ step, scalars }) => [step, scalars['train/loss'], scalars['train/lr']]),
      logged.map(({ step, loss, lr }) => [step, Math.fround(loss as number), Math.fround(lr as number)]),
    );
    const verified = events.filter(({ scalars }) =>
      Object.keys(scalars).some((tag) => /^accuracy/.test(tag)),
    );
    assert.deepEqual(
      verified.map(({ step }) => step),
      lines.filter((line) => 'verification' in line).map(({ step }) => step),
    );
    const statistics = statisticsOf(result.folder);
    const histograms = events.filter((event) => 'classes/kappa' in event.histograms);
    assert.deepEqual(
      histograms.map(({ step, histograms: { 'classes/kappa': kappa, 'classes/margin': margin } }) => [
        ...[step, kappa!.limits, kappa!.counts, margin!.counts, kappa!.num],
      ]),
      statistics.map(({ step, kappa, margin }) => [
        ...[step, kappa.edges.slice(1), kappa.counts, margin.counts, CLASSES],
      ]),
    );
  });

  it('begins a new events file where a run goes on, which drops the steps after', async () => {
    const changes = { train: { epochs: 2, batchSize: 8, logEvery: 1, checkpointEvery: 2 } };
    const resolved = config(changes);
    const { folder: run } = await interrupted(resolved, 3);
    await train(resolved, { resume: true });
    const files = boardFiles(run).map((file) => readEvents(readFileSync(file)));
    assert.equal(files.length, 2);
    assert.ok(files[0]!.every(({ isRestart }) => !isRestart));
    const restart = files[1]!.find(({ isRestart }) => isRestart)!;
    assert.equal(restart.step, 4);
    // As TensorBoard reads them: what a restart names is forgotten.
    const kept = files
      .flat()
      .reduce<ReadEvent[]>(
        (list, event) => [
          ...(event.isRestart ? list.filter(({ step }) => step < event.step) : list),
          ...('train/loss' in event.scalars ? [event] : []),
        ],
        [],
      );
    assert.deepEqual(
      kept.map(({ step }) => step),
      readMetrics(path.join(run, 'metrics.jsonl'))
        .filter(({ loss }) => typeof loss === 'number')
        .map(({ step }) => step),
    );
  });

  it('goes on without TensorBoard where its files cannot be written, and says so', async () => {
    const resolved = config({ train: { epochs: 1, batchSize: 8 } });
    const first = await interrupted(resolved, 1);
    const board = path.join(first.folder, 'tensorboard');
    // A file where the folder should be.
    rmSync(board, { recursive: true });
    writeFileSync(board, '');
    const said: string[] = [];
    const result = await train(resolved, { resume: true, onMessage: (text) => said.push(text) });
    assert.equal(result.interrupted, false);
    assert.match(said.join('\n'), /TensorBoard.*goes on without/s);
  });

  it('has the same statistics on three ranks as on one', async () => {
    // Without dropout and at so low a rate roundings do not grow from step to step.
    const changes = {
      backbone: { depth: 18 as const, widthMultiplier: 0.0625, embeddingSize: 16, dropout: 0 },
      optimizer: { lr: 2e-4, referenceBatchSize: 64 },
      train: { epochs: 1, batchSize: 2, accumulate: 3, logEvery: 1 },
    };
    const run = (output: string, rest: object): Record<string, unknown> => ({
      faces,
      output: path.join(folder, output),
      changes: { ...changes, train: { ...changes.train, ...rest } },
    });
    const module = path.join(__dirname, '..', 'distributed', 'trainer-run');
    const [one] = await onRanks<TrainerRunResult>(1, module, 'trainerRun', run('one', {}));
    const [three] = await onRanks<TrainerRunResult>(3, module, 'trainerRun', run('three', { accumulate: 1 }));
    const [a, b] = [statisticsOf(one!.folder), statisticsOf(three!.folder)].map((lines) => lines[0]!);
    assert.deepEqual(
      [a!.step, a!.epoch, a!.classes, a!.sample.images],
      [b!.step, b!.epoch, b!.classes, b!.sample.images],
    );
    for (const name of ['kappa', 'margin'] as const) {
      const near = (x: number, y: number): void =>
        assert.ok(Math.abs(x - y) <= 2e-3 * Math.abs(x), `${name}: ${x} and ${y}`);
      a!.sample[name].forEach((value, i) => near(value, b!.sample[name][i]!));
      for (const of of ['min', 'mean', 'max'] as const) near(a![name][of], b![name][of]);
      const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
      assert.equal(total(b![name].counts), CLASSES);
    }
  });
});

describe('the bins of class statistics', () => {
  for (const [name, { edges, indexOf }] of Object.entries({ kappaBins, marginBins }))
    it(`hold each value between their edges (${name})`, () => {
      for (let i = 0; i < edges.length - 1; i++) {
        const middle = (edges[i]! + edges[i + 1]!) / 2;
        assert.equal(indexOf(middle), i);
      }
      assert.equal(indexOf(-1), 0);
      assert.equal(indexOf(0), 0);
      assert.equal(indexOf(1e12), edges.length - 2);
    });
});
