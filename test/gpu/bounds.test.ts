import assert from 'node:assert/strict';

import { Tensor } from '../../lib';
import { compare, distance, precisions, reference } from '../support/parity';
import type { Bounds, Outcome } from '../support/parity';
import {
  classesOf,
  headBounds,
  nearBounds,
  nearHead,
  smallHead,
  trainHead,
  vectors,
} from '../support/parity-head';
import { networkBounds, passNetwork, randomNetwork, smallNetwork } from '../support/parity-network';
import { stepBounds, trainSteps } from '../support/parity-training';

/** Asserts that an outcome with a fault is out of bounds, in these parts at least. */
function assertCaught(faulty: Outcome, expected: Outcome, bounds: Bounds, parts: readonly string[]): void {
  const compared = compare(faulty, expected, bounds);
  const caught = compared.filter(({ isWithin }) => !isWithin).map(({ part }) => part);
  for (const part of parts)
    assert.ok(caught.includes(part), `${part} tells nothing: ${JSON.stringify(compared)}`);
}

// No GPU is needed to see that the bounds of the comparisons bite: the CPU makes the faults.
describe('bounds of the comparisons with a GPU', () => {
  it('pass what is the same, and no NaN', () => {
    const passes = (actual: number[], expected: number[], bound: number): boolean[] =>
      compare({ losses: actual }, { losses: expected }, { losses: bound }).map(({ isWithin }) => isWithin);
    assert.deepEqual(passes([1, 2, 3], [1, 2, 3], 0), [true]);
    assert.deepEqual(passes([1, NaN, 3], [1, 2, 3], 1e9), [false]);
    assert.deepEqual(passes([1, 2, 3], [1, NaN, 3], 1e9), [false]);
    assert.deepEqual(passes([1, Infinity, 3], [1, Infinity, 3], 1e9), [false]);
  });

  it('hold every part to a bound', () => {
    const outcome = { losses: [1], gradients: [1] };
    assert.throws(() => compare(outcome, outcome, { losses: 1 }), /parts that have a bound/);
  });

  describe('of a head', () => {
    let expected: Outcome;
    before(async () => void (expected = await trainHead(reference, smallHead)));

    for (const precision of precisions) {
      const bounds = headBounds[precision];

      it(`catch a margin that is 2% off, ${precision}`, async () => {
        const faulty = await trainHead(reference, { ...smallHead, options: { margin: 0.51 } });
        assertCaught(faulty, expected, bounds, ['losses']);
      });

      it(`catch a missing weight decay, ${precision}`, async () => {
        const faulty = await trainHead(reference, { ...smallHead, weightDecay: 0 });
        assertCaught(faulty, expected, bounds, ['moved', 'velocity']);
      });

      it(`catch a loss scale that is not taken back, ${precision}`, async () => {
        const faulty = await trainHead(reference, { ...smallHead, lossScale: 2 });
        const scaled = { ...faulty, moved: Array.from(faulty.moved!, (value) => 2 * value) };
        assertCaught(scaled, expected, bounds, ['moved']);
      });

      it(`catch one centre in 3,000 that is not moved, ${precision}`, async () => {
        const moved = Array.from(expected.moved!);
        const size = smallHead.embeddingSize;
        // The first sample's own class.
        const target = (31 * 100) % smallHead.numClasses;
        moved.fill(0, target * size, (target + 1) * size);
        assertCaught({ ...expected, moved }, expected, bounds, ['moved']);
      });

      it(`catch a sample whose gradient is lost, ${precision}`, () => {
        const gradients = Array.from(expected.gradients!);
        gradients.fill(0, 5 * smallHead.embeddingSize, 6 * smallHead.embeddingSize);
        assertCaught({ ...expected, gradients }, expected, bounds, ['gradients']);
      });
    }

    it('catch logits that are rounded to bfloat16 before the softmax', async () => {
      // What that does to a gradient, by plain operations; margins would make no difference.
      const { batch, numClasses, embeddingSize, groups } = nearHead;
      const all = Array.from({ length: numClasses }, (_, c) => c);
      const centres = await vectors(all, embeddingSize, 1, groups, 'cpu');
      const classes = classesOf(batch, numClasses, 100);
      const gradientOf = async (rounded: boolean): Promise<number[]> => {
        const x = await vectors(classes, embeddingSize, 100, groups, 'cpu');
        x.requiresGrad = true;
        const cosines = await x.normalize(1).matmul(centres.normalize(1).transpose(0, 1));
        const logits = cosines.mul(64);
        const used = rounded ? logits.to('bfloat16').to('float32') : logits;
        await used.crossEntropy(Tensor.from(BigInt64Array.from(classes, BigInt))).backward();
        return (await x.grad())!.toArray();
      };
      const apart = distance(await gradientOf(true), await gradientOf(false));
      assert.ok(apart > (nearBounds('bfloat16').gradients ?? NaN), `only ${apart}`);
    });
  });

  it('of a network catch a PReLU whose slope is 0.35 instead of 0.25', async () => {
    const weights = await randomNetwork(smallNetwork);
    const expected = await passNetwork(reference, weights);
    const slopes = weights.namedParameters().get('layer2.0.prelu.weight');
    assert.ok(slopes);
    await slopes.copyFrom(Tensor.full(slopes.shape, 0.35));
    const faulty = await passNetwork(reference, weights);
    for (const precision of precisions)
      assertCaught(faulty, expected, networkBounds(precision), ['embeddings', 'embeddings in evaluation']);
    weights.dispose();
  });

  it('of three steps catch one that is missing', async () => {
    const expected = await trainSteps(reference, 3);
    const two = await trainSteps(reference, 2);
    for (const precision of precisions) {
      const faulty = { ...expected, parameters: two.parameters!, centres: two.centres! };
      assertCaught(faulty, expected, stepBounds[precision], ['parameters', 'centres']);
    }
  });
});
