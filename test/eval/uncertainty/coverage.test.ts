import assert from 'node:assert/strict';

import { coverageOfPairs, coverageOfTemplates, type Coverage } from './coverage';

const BENCHMARKS = 120;

/**
 * Holds coverages against 93 to 97%: a share of 120 benchmarks is within three of its standard deviations of the whole
 * range, and so would not be if the intervals held 86% or 100%.
 */
function check(coverage: Coverage): void {
  const room = 3 * Math.sqrt((0.95 * 0.05) / BENCHMARKS);
  for (const [id, share] of coverage)
    assert.ok(share > 0.93 - room && share < 0.97 + room / 2 - 1e-9, `${id}: ${share}`);
}

describe('intervals of simulated benchmarks', function () {
  this.timeout(300_000);

  it('hold the truth as often as they say, for sets of pairs', () => {
    check(coverageOfPairs(BENCHMARKS, { people: 200, pairs: 400 }));
  });

  it('hold the truth as often as they say, for all pairs of templates', async () => {
    check(await coverageOfTemplates(BENCHMARKS, 60));
  });
});
