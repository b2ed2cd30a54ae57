import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { KappaError, Trainer, openCheckpoint, resolveCheckpoint } from '../../lib';
import type { Config, ResolvedConfig, StepReport, TrainResult, TrainerOptions } from '../../lib';
import { readMetrics } from '../../lib/run/metrics-log';
import { closeRelative, rejects } from '../support/assert';
import { leavesNoTensors } from '../support/tensors';
import { temporaryFolder } from '../support/folder';
import { checksums, timelessMetrics, tinyConfig, tinyFaces } from '../support/tiny-run';

describe('training', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  let faces: string;
  let runs = 0;
  const config = (changes = {}): ResolvedConfig =>
    tinyConfig(faces, path.join(folder, `runs${runs++}`), changes);
  const train = (resolved: ResolvedConfig, options: TrainerOptions = {}): Promise<TrainResult> =>
    new Trainer(resolved, options).run();
  /** Trains and interrupts after some steps. */
  const interrupted = (
    resolved: ResolvedConfig,
    steps: number,
    options: TrainerOptions = {},
  ): Promise<TrainResult> => {
    const controller = new AbortController();
    const onStep = ({ step }: StepReport): void => void (step >= steps && controller.abort());
    return train(resolved, { ...options, onStep, signal: controller.signal });
  };

  before(async () => {
    faces = await tinyFaces(path.join(folder, 'cache'));
  });

  it('lowers the loss, verifies, keeps one best checkpoint and writes its results', async () => {
    const reports: StepReport[] = [];
    const result = await train(config({ train: { epochs: 6, batchSize: 8, keepCheckpoints: 1 } }), {
      onStep: (report) => reports.push(report),
    });
    const mean = (list: StepReport[]): number => list.reduce((sum, { loss }) => sum + loss, 0) / list.length;
    const tenth = Math.ceil(reports.length / 6);
    assert.ok(mean(reports.slice(-tenth)) < 0.8 * mean(reports.slice(0, tenth)), 'the loss falls');
    assert.equal(result.steps, reports.length);
    const saved = JSON.parse(readFileSync(path.join(result.folder, 'result.json'), 'utf8')) as TrainResult;
    assert.deepEqual(saved, JSON.parse(JSON.stringify(result)));
    assert.ok(result.best && result.final && result.best.meanAccuracy >= result.final.meanAccuracy);
    const best = await resolveCheckpoint(result.folder);
    assert.equal(path.basename(best), `step-${String(result.best.step).padStart(8, '0')}`);
    const kept = readdirSync(path.join(result.folder, 'checkpoints')).filter((name) =>
      name.startsWith('step-'),
    );
    assert.ok(kept.length <= 2, kept.join());
    assert.ok(result.difficulty && Math.abs(result.difficulty.rankCorrelation) <= 1);
    const margins = reports.at(-1)?.margins;
    assert.ok(margins && margins.min < margins.max && margins.max <= 0.8, 'margins differ after an epoch');
  });

  for (const [name, head] of [
    ['memory', { kind: 'kappaface', concentration: { kind: 'memory' } }],
    ['momentum', { kind: 'kappaface', concentration: { kind: 'momentum' } }],
    ['memory, PartialFC', { kind: 'kappaface', concentration: { kind: 'memory' }, sampleRate: 0.7 }],
    ['separate update', { kind: 'kappaface', fusedUpdate: false }],
  ] as const) {
    it(`resumes bit for bit from the middle of an epoch (${name})`, async () => {
      const changes = {
        head,
        train: { epochs: 3, batchSize: 8, logEvery: 2, checkpointEvery: 3, validateEvery: 4 },
      };
      const whole = await train(config(changes));
      const pieces = config(changes);
      let result = await interrupted(pieces, 1);
      assert.ok(result.interrupted);
      for (const steps of [2, 5, 6]) {
        result = await interrupted(pieces, steps, { resume: true });
        assert.equal(result.steps, steps);
      }
      result = await train(pieces, { resume: true });
      assert.equal(result.interrupted, false);
      assert.deepEqual(timelessMetrics(result.folder), timelessMetrics(whole.folder));
      assert.deepEqual(await checksums(result.folder), await checksums(whole.folder));
      assert.deepEqual(result.final, whole.final);
      assert.deepEqual(result.best, whole.best);
    });
  }

  it('makes up for a verification that was interrupted, with the same results bit for bit', async () => {
    const changes = { train: { epochs: 2, batchSize: 8, logEvery: 2, checkpointEvery: 3, validateEvery: 4 } };
    const whole = await train(config(changes));
    const pieces = config(changes);
    const verified = (run: string): number[] =>
      readMetrics(path.join(run, 'metrics.jsonl'))
        .filter((line) => line.verification !== undefined)
        .map(({ step }) => step);

    // Within a run, and again while it is made up for.
    let result = await interrupted(pieces, 4);
    for (let again = 0; again < 2; again++) {
      assert.deepEqual([result.interrupted, result.steps, result.final], [true, 4, null]);
      assert.deepEqual(verified(result.folder), []);
      result = await train(pieces, { resume: true, signal: AbortSignal.abort() });
    }
    // A kill after the verification and before the next checkpoint: it is made once more, and told once.
    await assert.rejects(
      train(pieces, {
        resume: true,
        onValidation: () => {
          throw new Error('killed');
        },
      }),
      /killed/,
    );
    assert.deepEqual(verified(result.folder), [4]);

    // At the very end.
    result = await interrupted(pieces, whole.steps, { resume: true });
    assert.deepEqual([result.interrupted, result.steps], [true, whole.steps]);
    assert.ok(!existsSync(path.join(result.folder, 'result.json')));
    result = await train(pieces, { resume: true });
    assert.equal(result.interrupted, false);
    assert.deepEqual(verified(result.folder), verified(whole.folder));
    assert.deepEqual(timelessMetrics(result.folder), timelessMetrics(whole.folder));
    assert.deepEqual(await checksums(result.folder), await checksums(whole.folder));
    assert.deepEqual(result.final, whole.final);
    assert.deepEqual(result.best, whole.best);
  });

  it('resumes bit for bit with augmented images of weighted sources, drawn in blocks, and in float16', async () => {
    const changes: Partial<Config> = {
      data: {
        root: null,
        sources: [
          { root: faces, weight: 1.5 },
          { root: faces, weight: 0.5, imagesPerIdentity: 2 },
        ],
        shuffle: 'block',
        blockSize: 3,
        windowBlocks: 2,
        validation: 'auto',
        augment: {
          crop: { probability: 0.5 },
          photometric: { probability: 0.5 },
          jpeg: { probability: 0.5 },
        },
      },
      backbone: { depth: 18, widthMultiplier: 0.0625, embeddingSize: 16, dropout: 0.1, precision: 'float16' },
      train: { epochs: 2, batchSize: 8, logEvery: 1, checkpointEvery: 3, validateEvery: 100 },
    };
    const whole = await train(config(changes));
    const pieces = config(changes);
    await interrupted(pieces, 2);
    const result = await train(pieces, { resume: true });
    assert.deepEqual(timelessMetrics(result.folder), timelessMetrics(whole.folder));
    assert.deepEqual(await checksums(result.folder), await checksums(whole.folder));
  });

  it('is the same whatever the number of decode workers', async () => {
    const one = await train(config({ train: { epochs: 1, batchSize: 8 } }));
    for (const workers of [0, 2]) {
      const data = { root: faces, workers, validation: 'auto' as const };
      const other = await train(config({ data, train: { epochs: 1, batchSize: 8 } }));
      assert.deepEqual(await checksums(other.folder), await checksums(one.folder), `${workers} workers`);
    }
  });

  it('accumulates over PartialFC samples, and sees no difference between fused and separate updates', async () => {
    const lossesOf = async (head: Config['head']): Promise<number[]> => {
      const result = await train(config({ head, train: { epochs: 1, batchSize: 4, accumulate: 2 } }));
      const lines = timelessMetrics(result.folder) as { loss?: number }[];
      return lines.flatMap(({ loss }) => loss ?? []);
    };
    const fused = await lossesOf({ concentration: { kind: 'memory' } });
    assert.ok(fused.length > 1);
    const separate = await lossesOf({ concentration: { kind: 'memory' }, fusedUpdate: false });
    closeRelative(separate, fused, 1e-3, 'losses');
    const sampled = await lossesOf({ concentration: { kind: 'memory' }, sampleRate: 0.5 });
    assert.equal(sampled.length, fused.length);
    assert.notDeepEqual(sampled, fused);
  });

  for (const kind of ['arcface', 'cosface', 'combined'] as const) {
    it(`trains ${kind}`, async () => {
      const result = await train(config({ head: { kind }, train: { epochs: 1, batchSize: 8 } }));
      assert.ok(result.final);
      assert.equal(result.difficulty, undefined);
    });
  }

  it('continues a finished run with more epochs', async () => {
    const short = config({ train: { epochs: 1, batchSize: 8 } });
    const first = await train(short);
    const longer = await train({ ...short, train: { ...short.train, epochs: 2 } }, { resume: true });
    assert.equal(longer.steps, 2 * first.steps);
    assert.equal(longer.folder, first.folder);
  });

  it('never overwrites another run', async () => {
    const same = config({ train: { epochs: 1, batchSize: 8 } });
    const first = await train(same);
    const second = await train(same);
    assert.equal(second.folder, `${first.folder}-2`);
  });

  it('refuses to resume with a config that makes another run of it', async () => {
    const resolved = config({ train: { epochs: 1, batchSize: 8 } });
    await train(resolved);
    const changed = { ...resolved, seed: 6, train: { ...resolved.train, batchSize: 4 } };
    await rejects(
      train(changed, { resume: true }),
      'ERR_CONFIG',
      /seed was 5 and is 6[^]*train\.batchSize was 8 and is 4/,
    );
  });

  it('skips steps that are not finite, leaves everything as it was, and stops with an explanation', async () => {
    // A learning rate that blows up the weights at the first step.
    const resolved = config({
      optimizer: { lr: 1e38, clipNorm: 1e38 },
      train: { epochs: 3, batchSize: 8, maxSkippedSteps: 3, checkpointEvery: 100 },
    });
    const messages: string[] = [];
    await rejects(
      train(resolved, { onMessage: (text) => messages.push(text) }),
      'ERR_NOT_FINITE',
      /3 steps in a row[^]*the output of conv1 went first[^]*Lower optimizer\.lr/,
    );
    assert.ok(
      messages.filter((text) => /was skipped: .* not finite/.test(text)).length >= 3,
      messages.join(),
    );
  });

  it('says what is missing', async () => {
    const nowhere = tinyConfig('/nowhere/at/all', folder, {
      data: { root: '/nowhere/at/all', source: 'Get it from the library.' },
    });
    await rejects(
      train(nowhere),
      'ERR_DATA_NOT_FOUND',
      /Expected layout: train\.rec[^]*Get it from the library[^]*data\.root=/,
    );
    const sets = config({ data: { root: faces, validation: ['synth', 'lfw'] } });
    await rejects(train(sets), 'ERR_DATA_NOT_FOUND', /lfw\.bin not found/);
    await rejects(
      train(config({ data: { root: faces, numClasses: 7 } })),
      'ERR_CONFIG',
      /7 classes were expected/,
    );
    await rejects(
      train(config({ train: { batchSize: 4096 } })),
      'ERR_CONFIG',
      /less than one global batch of 4096/,
    );
    await rejects(train(config(), { resume: path.join(folder, 'none') }), 'ERR_CHECKPOINT', /does not exist/);
  });

  it('finds damage in a checkpoint before using it', async () => {
    const result = await train(config({ train: { epochs: 1, batchSize: 8 } }));
    const checkpoint = await resolveCheckpoint(result.folder, 'last');
    const file = path.join(checkpoint, 'backbone.safetensors');
    const bytes = readFileSync(file);
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 100] = (flipped[bytes.length - 100] ?? 0) ^ 1;
    for (const damaged of [flipped, bytes.subarray(0, 5000), Buffer.alloc(0)]) {
      writeFileSync(file, damaged);
      await rejects((await openCheckpoint(checkpoint)).tensors('backbone'), 'ERR_CHECKPOINT', /checksum/);
    }
    const state = path.join(checkpoint, 'state.json');
    for (const text of ['', '{', '{"version":99}']) {
      writeFileSync(state, text);
      await assert.rejects(openCheckpoint(checkpoint), KappaError);
    }
  });

  it('leaves no tensors behind', async () => {
    await leavesNoTensors(async () => {
      await train(config({ train: { epochs: 1, batchSize: 8 } }));
      await train(
        config({ head: { concentration: { kind: 'momentum' } }, train: { epochs: 1, batchSize: 8 } }),
      );
    });
  });
});
