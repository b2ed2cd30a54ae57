import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pairDistances } from '../../lib/eval/metrics/pair-distances';
import { foldAccuracies, foldVals } from '../../lib/eval/metrics/ten-fold';
import { evaluateEmbeddings } from '../../lib/eval/metrics/verification';

interface Golden {
  embeddings: number[][];
  isSame: boolean[];
  distances: number[];
  accuracy: number;
  accuracyStd: number;
  foldAccuracy: number[];
  foldThreshold: number[];
  val: number;
  valStd: number;
  far: number;
}

const golden = JSON.parse(
  readFileSync(join(__dirname, '..', 'fixtures', 'golden', 'verification.json'), 'utf8'),
) as Golden;
const embeddingSize = golden.embeddings[0]?.length ?? 0;

function assertNear(actual: number | undefined, expected: number | undefined, tolerance = 1e-9): void {
  assert.ok(actual !== undefined && expected !== undefined);
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} within ${tolerance}`);
}

/** Embeddings on a circle, so that pair i has exactly the angle that gives this squared distance. */
function embeddingsOf(distances: readonly number[]): Float64Array {
  return Float64Array.from(
    distances.flatMap((distance) => {
      const angle = 2 * Math.asin(Math.sqrt(distance) / 2);
      return [1, 0, Math.cos(angle), Math.sin(angle)];
    }),
  );
}

describe('verification', () => {
  const result = evaluateEmbeddings({
    name: 'golden',
    embeddings: Float64Array.from(golden.embeddings.flat()),
    embeddingSize,
    isSame: golden.isSame,
  });

  it('matches the golden accuracy, VAL and FAR to 1e-9', () => {
    assertNear(result.accuracy, golden.accuracy);
    assertNear(result.std, golden.accuracyStd);
    assertNear(result.val, golden.val);
    assertNear(result.valStd, golden.valStd);
    assertNear(result.far, golden.far);
    assert.equal(result.pairs, 400);
  });

  it('matches the golden distances and each fold', () => {
    const { distances } = pairDistances(Float64Array.from(golden.embeddings.flat()), embeddingSize, 'golden');
    distances.forEach((distance, i) => assertNear(distance, golden.distances[i]));
    foldAccuracies(distances, golden.isSame).forEach((fold, i) => {
      assertNear(fold.accuracy, golden.foldAccuracy[i]);
      assertNear(fold.threshold, golden.foldThreshold[i]);
    });
    assertNear(result.threshold, golden.foldThreshold.reduce((a, b) => a + b) / 10);
  });

  it('gives the same for float32 embeddings, which the golden ones are', () => {
    const single = evaluateEmbeddings({
      name: 'golden',
      embeddings: Float32Array.from(golden.embeddings.flat()),
      embeddingSize,
      isSame: golden.isSame,
    });
    assertNear(single.accuracy, golden.accuracy);
    assertNear(single.val, golden.val);
  });

  it('does not depend on the lengths of the embeddings', () => {
    const scaled = golden.embeddings.map((row, i) => row.map((x) => x * (1 + (i % 7))));
    const again = evaluateEmbeddings({
      name: 'golden',
      embeddings: Float64Array.from(scaled.flat()),
      embeddingSize,
      isSame: golden.isSame,
    });
    assertNear(again.accuracy, golden.accuracy);
    assertNear(again.auc, result.auc);
    assert.ok(again.xnorm > 3 * result.xnorm);
  });

  it('agrees with the area under the curve counted pair by pair', () => {
    let wins = 0;
    let comparisons = 0;
    golden.distances.forEach((genuine, i) => {
      if (!golden.isSame[i]) return;
      golden.distances.forEach((impostor, j) => {
        if (golden.isSame[j]) return;
        comparisons++;
        wins += genuine < impostor ? 1 : genuine === impostor ? 0.5 : 0;
      });
    });
    assertNear(result.auc, wins / comparisons);
  });

  it('is strict: a pair at the threshold is not the same person', () => {
    // Every distance is 1: thresholds up to 1.00 reject all, from 1.01 on accept all. Half are genuine, so the
    // first best threshold of every fold is 0.
    const distances = new Float64Array(20).fill(1);
    const isSame = Array.from({ length: 20 }, (_, i) => i % 2 === 0);
    for (const fold of foldAccuracies(distances, isSame)) {
      assert.equal(fold.threshold, 0);
      assert.equal(fold.accuracy, 0.5);
    }
  });

  it('takes the first of equally good thresholds', () => {
    const distances = Float64Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 0.305 : 3));
    const isSame = Array.from({ length: 40 }, (_, i) => i % 2 === 0);
    for (const fold of foldAccuracies(distances, isSame)) {
      assertNear(fold.threshold, 0.31);
      assert.equal(fold.accuracy, 1);
    }
  });

  it('interpolates the threshold of VAL, and takes 0 where the FAR is never reached', () => {
    const isSame = Array.from({ length: 40 }, (_, i) => i % 2 === 0);
    // Impostors lie at 1.0005: of the others' 18, none is below 1.000 and all are below 1.001.
    const near = Float64Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 0.5 : 1.0005));
    for (const fold of foldVals(near, isSame)) {
      assertNear(fold.threshold, 1 + 1e-3 * 1e-3);
      assert.equal(fold.val, 1);
      assert.equal(fold.far, 0);
    }
    const far = Float64Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 0.5 : 4));
    for (const fold of foldVals(far, isSame)) assert.deepEqual(fold, { threshold: 0, val: 0, far: 0 });
  });

  it('gives the first folds one pair more where pairs are no multiple of ten', () => {
    const isSame = Array.from({ length: 23 }, (_, i) => i % 2 === 0);
    const embeddings = embeddingsOf(isSame.map((same) => (same ? 0.2 : 2)));
    const uneven = evaluateEmbeddings({ name: 'uneven', embeddings, embeddingSize: 2, isSame });
    assert.equal(uneven.pairs, 23);
    assert.equal(uneven.accuracy, 1);
    assert.equal(uneven.eer, 0);
    assert.equal(uneven.auc, 1);
    assert.deepEqual(uneven.tarAtFar, { '1e-2': 1, '1e-3': 1 });
  });

  it('stays finite for folds that hold one kind of pair only, and for embeddings of length 0', () => {
    const isSame = Array.from({ length: 20 }, (_, i) => i < 10);
    const embeddings = embeddingsOf(isSame.map((same) => (same ? 0.2 : 2)));
    embeddings.fill(0, 0, 4);
    const sorted = evaluateEmbeddings({ name: 'sorted', embeddings, embeddingSize: 2, isSame });
    for (const value of Object.values(sorted))
      if (typeof value === 'number') assert.ok(Number.isFinite(value));
  });

  it('reports the mean length of the embeddings, or the one that it is told', () => {
    const isSame = Array.from({ length: 20 }, (_, i) => i % 2 === 0);
    const embeddings = Float32Array.from(embeddingsOf(isSame.map((same) => (same ? 0.2 : 2))), (x) => 5 * x);
    const input = { name: 'norms', embeddings, embeddingSize: 2, isSame };
    assertNear(evaluateEmbeddings(input).xnorm, 5, 1e-5);
    assert.equal(evaluateEmbeddings({ ...input, xnorm: 21.5 }).xnorm, 21.5);
  });

  it('names the image whose embedding is not finite', () => {
    const isSame = Array.from({ length: 20 }, (_, i) => i % 2 === 0);
    const embeddings = embeddingsOf(isSame.map(() => 1));
    embeddings[2 * 7 + 1] = NaN;
    assert.throws(() => evaluateEmbeddings({ name: 'lfw', embeddings, embeddingSize: 2, isSame }), {
      code: 'ERR_NOT_FINITE',
      message: /image 7 of lfw \(pair 3\)/,
    });
  });

  it('refuses sets that it cannot judge', () => {
    const same = Array.from({ length: 20 }, () => true);
    const embeddings = embeddingsOf(same.map(() => 1));
    const input = { name: 'set', embeddings, embeddingSize: 2, isSame: same };
    assert.throws(() => evaluateEmbeddings(input), {
      code: 'ERR_ARGUMENT',
      message: /20 genuine and 0 impostor/,
    });
    assert.throws(() => evaluateEmbeddings({ ...input, embeddingSize: 3 }), { code: 'ERR_SHAPE' });
    assert.throws(() => evaluateEmbeddings({ ...input, isSame: same.slice(1) }), { code: 'ERR_SHAPE' });
    const few = { ...input, embeddings: embeddings.slice(0, 20), isSame: [true, false, true, false, true] };
    assert.throws(() => evaluateEmbeddings(few), { code: 'ERR_ARGUMENT', message: /at least 10/ });
  });
});
