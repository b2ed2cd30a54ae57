import { KappaFaceHead, SGD, Tensor } from '../../lib';
import type { Precision } from '../../lib';
import {
  assertParity,
  needsParityDevice,
  numbers,
  parityDevice,
  precisions,
  reference,
  uniformTensor,
} from '../support/parity';
import type { Side } from '../support/parity';
import { headBounds, nearBounds, nearHead, smallHead, trainHead } from '../support/parity-head';
import type { HeadCase } from '../support/parity-head';

const NOTHING_KEPT = { memoryBudget: 0 };
const PARTIAL_FC = { sampleRate: 0.3, seed: 7 };
/** Beyond what a factor is at first: where 2^24 enters a half-precision operand, nothing finite is left. */
const GROWN = [2 ** 21, 2 ** 24] as const;

const cases: [string, HeadCase][] = [
  ['fused, all kept', smallHead],
  ['fused, nothing kept', { ...smallHead, options: NOTHING_KEPT }],
  ['separate update', { ...smallHead, options: { fusedUpdate: false } }],
  ['separate update, nothing kept', { ...smallHead, options: { fusedUpdate: false, ...NOTHING_KEPT } }],
  ['PartialFC', { ...smallHead, options: PARTIAL_FC }],
  ['PartialFC, nothing kept', { ...smallHead, options: { ...PARTIAL_FC, ...NOTHING_KEPT } }],
  ['accumulation', { ...smallHead, passes: 2 }],
  ['accumulation, nothing kept', { ...smallHead, passes: 2, options: NOTHING_KEPT }],
  ['loss scaling', { ...smallHead, lossScale: 2 ** 16 }],
  // Sizes that are no multiples of any block, and a scale beyond which the fixed reference of the softmax overflows.
  ['ragged', { batch: 37, numClasses: 8193, embeddingSize: 68, steps: 2 }],
  ['ragged, scale 96', { batch: 37, numClasses: 8193, embeddingSize: 68, steps: 2, options: { scale: 96 } }],
  ['one sample', { batch: 1, numClasses: 130, embeddingSize: 64, steps: 2 }],
  ...GROWN.flatMap((lossScale): [string, HeadCase][] => {
    const name = `loss scale 2^${Math.log2(lossScale)}`;
    return [
      [name, { ...smallHead, lossScale }],
      [`${name}, nothing kept`, { ...smallHead, lossScale, options: NOTHING_KEPT }],
      [`${name}, separate update`, { ...smallHead, lossScale, options: { fusedUpdate: false } }],
      [`${name}, PartialFC`, { ...smallHead, lossScale, options: PARTIAL_FC }],
      [`${name}, accumulation`, { ...smallHead, lossScale, passes: 2 }],
    ];
  }),
];

/** KappaFace with a memory buffer: margins and concentrations after an epoch. */
async function adaptedMargins({ device, precision }: Side): Promise<Record<string, number[]>> {
  const samplesPerClass = Array.from({ length: 60 }, (_, i) => 2 + (i % 9));
  const starts = samplesPerClass.map((_, i) => samplesPerClass.slice(0, i).reduce((a, b) => a + b, 0));
  const head = new KappaFaceHead({
    samplesPerClass,
    embeddingSize: 64,
    concentration: { kind: 'memory' },
    device,
    precision,
  });
  const optimizer = new SGD(head.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 1e-3 });
  await head.centres.copyFrom(await uniformTensor([60, 64], 3, device));
  const losses: number[] = [];
  for (let step = 0; step < 4; step++) {
    const classes = Array.from({ length: 30 }, (_, i) => (2 * i + (step % 2)) % 60);
    const embeddings = await uniformTensor([30, 64], 20 + step, device);
    const labels = await Tensor.from(BigInt64Array.from(classes, BigInt));
    const sampleIndex = await Tensor.from(
      BigInt64Array.from(classes, (c) => BigInt((starts[c] ?? 0) + (step >> 1))),
    );
    embeddings.requiresGrad = true;
    const loss = await head.forward(embeddings, labels, { sampleIndex });
    await loss.backward();
    losses.push(await loss.item());
    await optimizer.step();
    await optimizer.zeroGrad();
  }
  await head.endEpoch();
  const outcome = {
    losses,
    margins: await numbers(head.margins),
    concentrations: (await head.concentrations()) ?? [],
  };
  head.dispose();
  optimizer.dispose();
  return outcome;
}

describe('head: the device against the CPU', () => {
  needsParityDevice();

  for (const precision of precisions)
    describe(precision, () => {
      for (const [name, options] of cases)
        it(name, async () => {
          const expected = await trainHead(reference, options);
          const actual = await trainHead({ device: parityDevice, precision }, options);
          assertParity(actual, expected, headBounds[precision], `head, ${precision}, ${name}`);
        });
    });

  for (const precision of precisions)
    for (const [name, options] of [
      ['all kept', nearHead],
      ['nothing kept', { ...nearHead, options: NOTHING_KEPT }],
    ] as const)
      it(`large logits, ${name}, ${precision}`, async () => {
        const expected = await trainHead(reference, options);
        const actual = await trainHead({ device: parityDevice, precision }, options);
        assertParity(actual, expected, nearBounds(precision), `head, ${precision}, large logits, ${name}`);
      });

  // A cosine beside the threshold is on either side of it, with or without a gradient: what rounding alone costs is no
  // measure there, so the bounds are three times as wide.
  for (const precision of precisions)
    it(`filtered classes, ${precision}`, async () => {
      const filtered = { ...smallHead, options: { interclassFilteringThreshold: 0.2 } };
      const bounds = Object.entries(headBounds[precision]).map(([part, bound]) => [part, 3 * bound] as const);
      assertParity(
        await trainHead({ device: parityDevice, precision }, filtered),
        await trainHead(reference, filtered),
        Object.fromEntries(bounds),
        `head, ${precision}, filtered classes`,
      );
    });

  // Concentrations come from the embeddings, which are the same here: no precision of products enters. float32 sums of
  // up to 10 unit vectors of 64 elements differ by their order alone.
  const lossBound: Record<Precision, number> = { float32: 1e-5, bfloat16: 1e-2, float16: 2e-3 };
  for (const precision of precisions)
    it(`margins by concentration, ${precision}`, async () => {
      const bounds = { losses: lossBound[precision], margins: 1e-4, concentrations: 1e-4 };
      assertParity(
        await adaptedMargins({ device: parityDevice, precision }),
        await adaptedMargins(reference),
        bounds,
        `margins, ${precision}`,
      );
    });
});
