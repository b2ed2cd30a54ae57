import assert from 'node:assert/strict';
import path from 'node:path';

import { Trainer, embedImages, evaluateVerification, readVerificationSet } from '../../lib';
import type { Config, Precision, ResolvedConfig, StepReport, TrainResult, IResNet } from '../../lib';
import { ensureSynthSet } from '../../lib/synth';
import { temporaryFolder } from '../support/folder';
import { assertParity, needsParityDevice, parityDevice, precisions, reference } from '../support/parity';
import type { Outcome } from '../support/parity';
import { networkBounds, randomNetwork } from '../support/parity-network';
import { baseRun, embedOn, stepBounds, trainSteps, windows } from '../support/parity-training';
import { checksums, timelessMetrics, tinyConfig, tinyFaces } from '../support/tiny-run';

const STEPS = 50;
const WINDOW = 10;

/**
 * The base run. Two runs that differ by rounding drift apart: what one step makes 1e-3 of, the next ones double, while
 * means of ten losses stay near each other. Measured on a CPU, bfloat16 beside float32: 1e-2 in the first ten steps,
 * 3e-2 in the means. float32 begins 1,000 times nearer, and is as chaotic after 50 steps.
 */
const runBounds: Record<Precision, Record<string, number>> = {
  float32: { 'first losses': 2e-3, 'means of losses': 3e-2 },
  bfloat16: { 'first losses': 3e-2, 'means of losses': 8e-2 },
  float16: { 'first losses': 1e-2, 'means of losses': 5e-2 },
};

describe('training: the device against the CPU', function () {
  this.timeout(600_000);
  needsParityDevice();
  const folder = temporaryFolder();

  for (const precision of precisions)
    it(`three steps, ${precision}`, async () => {
      const expected = await trainSteps(reference, 3);
      const actual = await trainSteps({ device: parityDevice, precision }, 3);
      assertParity(actual, expected, stepBounds[precision], `three steps, ${precision}`);
    });

  describe(`${STEPS} steps of the base run`, () => {
    let expected: Outcome;
    const outcome = (losses: number[]): Outcome => {
      assert.equal(losses.length, STEPS);
      return { 'first losses': losses.slice(0, WINDOW), 'means of losses': windows(losses, WINDOW) };
    };
    before(async function () {
      // Minutes on a CPU.
      if (parityDevice === 'cpu' && process.env.KAPPA_SLOW_TESTS !== '1') this.skip();
      expected = outcome(await baseRun(path.join(folder, 'reference'), reference, STEPS));
    });
    for (const precision of precisions)
      it(precision, async () => {
        const side = { device: parityDevice, precision };
        const actual = outcome(await baseRun(path.join(folder, 'device'), side, STEPS));
        assertParity(actual, expected, runBounds[precision], `${STEPS} steps, ${precision}`);
      });
  });

  describe('a run', () => {
    let faces: string;
    let runs = 0;
    before(async () => void (faces = await tinyFaces(path.join(folder, 'cache'))));
    const config = (changes: Partial<Config>): ResolvedConfig =>
      tinyConfig(faces, path.join(folder, `runs${runs++}`), {
        ...changes,
        // Its images are decoded by sharp, which not every machine with a GPU has.
        data: { validation: [] },
        runtime: { device: parityDevice, deterministic: true },
        train: { epochs: 3, batchSize: 8, logEvery: 2, checkpointEvery: 3 },
      });
    const train = (resolved: ResolvedConfig, steps = Infinity, resume = false): Promise<TrainResult> => {
      const controller = new AbortController();
      const onStep = ({ step }: StepReport): void => void (step >= steps && controller.abort());
      return new Trainer(resolved, { resume, onStep, signal: controller.signal }).run();
    };
    const backbone = { depth: 18, widthMultiplier: 0.0625, embeddingSize: 16, dropout: 0.1 } as const;

    // The CPU has tests of its own for that (test/train).
    const here = parityDevice === 'cpu';
    for (const precision of here ? (['float32'] as const) : precisions)
      for (const sampleRate of here ? [0.7] : [1, 0.7])
        it(`resumes bit for bit, ${precision}${sampleRate < 1 ? ', PartialFC' : ''}`, async () => {
          const changes: Partial<Config> = {
            backbone: { ...backbone, precision },
            head: { kind: 'kappaface', precision, sampleRate, concentration: { kind: 'memory' } },
          };
          const whole = await train(config(changes));
          // Kernels that add in another order each time would make the rest of this test a matter of luck.
          const again = await train(config(changes));
          assert.deepEqual(
            await checksums(again.folder),
            await checksums(whole.folder),
            'the same run, twice',
          );
          const pieces = config(changes);
          assert.ok((await train(pieces, 1)).interrupted);
          for (const steps of [2, 5]) assert.equal((await train(pieces, steps, true)).steps, steps);
          const resumed = await train(pieces, Infinity, true);
          assert.deepEqual(timelessMetrics(resumed.folder), timelessMetrics(whole.folder));
          assert.deepEqual(await checksums(resumed.folder), await checksums(whole.folder));
          assert.deepEqual(resumed.final, whole.final);
        });
  });

  describe('evaluation', () => {
    const PAIRS = 60;
    let weights: IResNet;
    let set: string;
    before(async function () {
      try {
        await import('sharp');
      } catch {
        console.log('    Nothing is verified: sharp is not here.');
        this.skip();
      }
      weights = await randomNetwork({ depth: 18, widthMultiplier: 0.25, embeddingSize: 64 });
      const people = { identities: 2, maxImages: 2, verificationIdentities: 12, pairs: PAIRS };
      set = path.join(await ensureSynthSet(path.join(folder, 'cache'), people), 'synth.bin');
    });
    after(() => weights?.dispose());

    for (const precision of precisions)
      it(precision, async () => {
        const pairs = await readVerificationSet(set);
        const evaluate = async (network: IResNet): Promise<Outcome> => {
          const { data, xnorm } = await embedImages(network, pairs.images);
          const { accuracy, auc } = await evaluateVerification(network, pairs);
          return { embeddings: data, xnorm: [xnorm], accuracy: [accuracy], auc: [auc] };
        };
        // Few pairs lie so near the threshold that rounding takes them to the other side: one in float32, some in the
        // others.
        const flips = precision === 'float32' ? 1 : 4;
        const embeddings = networkBounds(precision).embeddings!;
        const bounds = {
          embeddings,
          xnorm: embeddings,
          accuracy: (2 * flips) / PAIRS,
          auc: (2 * flips) / PAIRS,
        };
        assertParity(
          await embedOn({ device: parityDevice, precision }, weights, evaluate),
          await embedOn(reference, weights, evaluate),
          bounds,
          `evaluation, ${precision}`,
        );
      });
  });
});
