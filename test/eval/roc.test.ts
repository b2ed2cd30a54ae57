import assert from 'node:assert/strict';
import { contiguousFolds } from '../../lib/eval/metrics/folds';
import { areaUnderCurve, equalErrorRate, rocCurve, tarAtFar } from '../../lib/eval/metrics/roc';

describe('roc', () => {
  // Sorted by distance: genuine, impostor, genuine, and then one of each at one distance.
  const roc = rocCurve(Float64Array.of(0.1, 0.2, 0.3, 0.4, 0.4), [true, false, true, true, false]);

  it('has one point for each distinct distance, from nothing accepted to all', () => {
    assert.deepEqual([...roc.far], [0, 0, 1 / 2, 1 / 2, 1]);
    assert.deepEqual([...roc.tar], [0, 1 / 3, 1 / 3, 2 / 3, 1]);
  });

  it('counts a tie as half in the area', () => {
    // Of 3 x 2 comparisons: 2 + 1 wins and half a win for the tie.
    assert.ok(Math.abs(areaUnderCurve(roc) - 3.5 / 6) < 1e-12);
  });

  it('finds the equal error rate between points', () => {
    // From (0.5, 1/3) to (0.5, 2/3), the curve meets TAR = 1 - FAR at FAR = 0.5.
    assert.ok(Math.abs(equalErrorRate(roc) - 0.5) < 1e-12);
    const sloped = { far: Float64Array.of(0, 0.2, 1), tar: Float64Array.of(0, 0.6, 1) };
    // 1 - FAR = 0.6 + (FAR - 0.2) / 2 at FAR = 1/3.
    assert.ok(Math.abs(equalErrorRate(sloped) - 1 / 3) < 1e-12);
  });

  it('never exceeds the FAR that is asked for', () => {
    assert.equal(tarAtFar(roc, 0.4), 1 / 3);
    assert.equal(tarAtFar(roc, 0.5), 2 / 3);
    assert.equal(tarAtFar(roc, 1), 1);
  });

  it('needs pairs of both kinds', () => {
    assert.throws(() => rocCurve(Float64Array.of(1, 2), [true, true]), { code: 'ERR_ARGUMENT' });
  });
});

describe('folds', () => {
  it('are contiguous, the first ones longer', () => {
    const lengths = contiguousFolds(23, 10).map(({ start, end }) => end - start);
    assert.deepEqual(lengths, [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]);
    assert.deepEqual(contiguousFolds(23, 10).at(-1), { start: 21, end: 23 });
    assert.deepEqual(contiguousFolds(6000, 10)[3], { start: 1800, end: 2400 });
  });
});
