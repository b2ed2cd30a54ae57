import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import path from 'node:path';

import type { Config } from '../../lib';
import { ensureSynthSet } from '../../lib/synth';
import { temporaryFolder } from '../support/folder';
import { onRanks } from '../support/ranks';
import { trainerRun, type TrainerRunOptions, type TrainerRunResult } from './trainer-run';

const MODULE = path.join(__dirname, 'trainer-run');
/** Of a step, on all ranks together: 1, 2, 3, 4, 6 and 12 ranks can share them. */
const PASSES = 12;
/** Images in a forward pass. */
const SIZE = 4;
/** So low that roundings do not grow from step to step. */
const LR = 2e-4;
/** The step in the middle of an epoch after which the first run is interrupted. */
const INTERRUPTED = 1;
const EPOCHS = 2;
// KAPPA_SLOW_TESTS=1 goes on with each number, and .ci/run does.
const isSlow = process.env['KAPPA_SLOW_TESTS'] === '1';

describe('a run of several ranks', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  let faces: string;
  let runs = 0;

  before(async () => {
    faces = await ensureSynthSet(path.join(folder, 'cache'), {
      ...{ identities: 22, maxImages: 12, verificationIdentities: 4, pairs: 20, singletons: 0.05 },
    });
  });

  const changes = (head: Config['head'], worldSize: number): Partial<Config> => ({
    head: { precision: 'float32', ...head },
    optimizer: { lr: LR, referenceBatchSize: PASSES * SIZE },
    backbone: { depth: 18, widthMultiplier: 0.0625, embeddingSize: 16, dropout: 0, precision: 'float32' },
    train: {
      epochs: EPOCHS,
      batchSize: SIZE,
      accumulate: PASSES / worldSize,
      logEvery: 1,
      validateEvery: 100,
    },
    runtime: { threads: 1 },
  });
  const options = (
    head: Config['head'],
    worldSize: number,
    more: Partial<TrainerRunOptions> = {},
  ): TrainerRunOptions => ({
    ...{ faces, output: path.join(folder, `runs${runs++}`), changes: changes(head, worldSize) },
    ...more,
  });
  const run = async (worldSize: number, given: TrainerRunOptions): Promise<TrainerRunResult> => {
    if (worldSize === 1) return trainerRun(undefined, given);
    const [first, ...others] = await onRanks<TrainerRunResult>(worldSize, MODULE, 'trainerRun', { ...given });
    assert.ok(first);
    // What is decided is decided for all.
    for (const other of others)
      assert.deepEqual([other.steps, other.interrupted], [first.steps, first.interrupted]);
    return first;
  };
  /** A copy of a run, to go on from without the others. */
  const copyOf = ({ folder: place }: TrainerRunResult): { output: string; resume: string } => {
    const output = path.join(folder, `runs${runs++}`);
    cpSync(place, path.join(output, 'tiny'), { recursive: true });
    return { output, resume: path.join(output, 'tiny', 'checkpoints', 'last') };
  };
  const close = (actual: number[], expected: number[], what: string): void => {
    assert.equal(actual.length, expected.length, what);
    actual.forEach((value, i) =>
      assert.ok(
        Math.abs(value - (expected[i] as number)) < 1e-5 * Math.max(1, Math.abs(value)),
        `${what}, ${i}: ${value} and ${expected[i]}`,
      ),
    );
  };

  for (const [name, few, head] of [
    ['memory', [1, 3], { concentration: { kind: 'memory' } }],
    ['momentum encoder, PartialFC', [2], { concentration: { kind: 'momentum' }, sampleRate: 0.5 }],
  ] as const) {
    it(`goes on with fewer, and one with more, with the same next losses (${name})`, async () => {
      const whole = await run(4, options(head, 4));
      const stepsPerEpoch = whole.steps / EPOCHS;
      assert.ok(stepsPerEpoch > INTERRUPTED, `${stepsPerEpoch} steps an epoch`);
      assert.ok(new Set(whole.margins).size > 1, 'the margins are adapted');
      const next = whole.losses.slice(INTERRUPTED);

      // Any of the ranks may be the one that hears of it.
      const interrupt = { rank: 2, step: INTERRUPTED };
      const begun = await run(4, options(head, 4, { interrupt }));
      assert.deepEqual([begun.interrupted, begun.steps], [true, INTERRUPTED]);
      assert.deepEqual(begun.losses, whole.losses.slice(0, INTERRUPTED));
      for (const worldSize of isSlow ? [1, 2, 3, 4] : few) {
        const result = await run(worldSize, options(head, 4, copyOf(begun)));
        assert.deepEqual([result.interrupted, result.steps], [false, whole.steps]);
        if (worldSize === 4) assert.deepEqual(result.losses, next);
        close(result.losses, next, `losses of ${worldSize} ranks`);
        close(result.margins, whole.margins.slice(INTERRUPTED), `margins of ${worldSize} ranks`);
      }

      const alone = await run(1, options(head, 1, { interrupt: { rank: 0, step: INTERRUPTED } }));
      assert.deepEqual([alone.interrupted, alone.steps], [true, INTERRUPTED]);
      const more = await run(2, options(head, 1, copyOf(alone)));
      close([...alone.losses, ...more.losses], whole.losses, 'losses of one rank, then two');
    });
  }
});
