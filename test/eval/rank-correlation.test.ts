import assert from 'node:assert/strict';
import { rankCorrelation } from '../../lib/eval/metrics/rank-correlation';

describe('rank correlation', () => {
  it('is 1 or -1 for any monotone relation', () => {
    const x = [3, 1, 4, 1.5, 9];
    assert.equal(rankCorrelation(x, x.map(Math.exp)), 1);
    assert.equal(
      rankCorrelation(
        x,
        x.map((v) => -(v ** 3)),
      ),
      -1,
    );
  });

  it('is 1 - 6 sum d^2 / (n (n^2 - 1)) without ties', () => {
    // Ranks 1 2 3 4 5 and 2 1 4 3 5: sum of squares 4.
    assert.ok(Math.abs(rankCorrelation([10, 20, 30, 40, 50], [2, 1, 4, 3, 5]) - (1 - 24 / 120)) < 1e-12);
  });

  it('gives ties their average rank', () => {
    // Ranks 1 2.5 2.5 4 and 1 2 3 4: 4.5 / sqrt(4.5 * 5).
    assert.ok(Math.abs(rankCorrelation([1, 2, 2, 3], [1, 2, 3, 4]) - 4.5 / Math.sqrt(22.5)) < 1e-12);
  });

  it('takes infinities as the largest values', () => {
    assert.equal(rankCorrelation([1, 2, Infinity], [1, 2, 3]), 1);
    assert.equal(rankCorrelation([-Infinity, Infinity, Infinity], [1, 2, 2]), 1);
  });

  it('is NaN where one side has no order, and refuses what has no ranks', () => {
    assert.ok(Number.isNaN(rankCorrelation([1, 1, 1], [1, 2, 3])));
    assert.throws(() => rankCorrelation([1, NaN], [1, 2]), { code: 'ERR_ARGUMENT', message: /a\[1\]/ });
    assert.throws(() => rankCorrelation([1, 2], [1]), { code: 'ERR_ARGUMENT' });
    assert.throws(() => rankCorrelation([1], [1]), { code: 'ERR_ARGUMENT' });
  });
});
