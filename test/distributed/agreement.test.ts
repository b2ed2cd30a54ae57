import assert from 'node:assert/strict';
import path from 'node:path';

import { onRanks } from '../support/ranks';
import { sameRun, type SameRunOptions, type SameRunResult } from './same-run';

const MODULE = path.join(__dirname, 'same-run');

function close(actual: SameRunResult, expected: SameRunResult, within: number, what: string): void {
  for (const name of ['losses', 'cosines', 'margins', 'centres', 'kappa', 'weights', 'statistics'] as const) {
    // A concentration is 1 / (1 - R^2) of a length R near 1.
    const [is, should, least] = [actual[name], expected[name], name === 'kappa' ? 100 * within : within];
    assert.equal(is.length, should.length, `${what}: ${name}`);
    const size = Math.max(1, ...should.map(Math.abs));
    const off = Math.max(0, ...is.map((value, i) => Math.abs(value - (should[i] as number)) / size));
    assert.ok(off < least, `${what}: ${name} off by ${off}`);
  }
}

describe('ranks', function () {
  this.timeout(180_000);

  for (const [kind, sampleRate, worldSizes] of [
    ['memory', 1, [3]],
    ['memory', 0.5, [2, 3, 4]],
    ['momentum', 1, [2, 3, 4]],
    ['momentum', 0.5, [2]],
  ] as const)
    it(`train as one does that makes all their passes (${kind}, sample rate ${sampleRate})`, async () => {
      const options: SameRunOptions = { kind, sampleRate, passes: 12, steps: 7 };
      const alone = await sameRun(undefined, options);
      assert.ok(alone.margins.some((margin) => margin !== alone.margins[0]));
      for (const worldSize of worldSizes) {
        const all = await onRanks<SameRunResult>(worldSize, MODULE, 'sameRun', { ...options });
        for (const [rank, one] of all.entries()) close(one, alone, 1e-5, `${worldSize} ranks, rank ${rank}`);
      }
    });

  it('move the centres that were not drawn alike', async () => {
    const options: SameRunOptions = { kind: 'memory', sampleRate: 0.5, rows: 'all', passes: 2, steps: 3 };
    const alone = await sameRun(undefined, options);
    const all = await onRanks<SameRunResult>(2, MODULE, 'sameRun', { ...options });
    for (const [rank, one] of all.entries()) close(one, alone, 1e-5, `rank ${rank}`);
    const sampled = await sameRun(undefined, { ...options, rows: 'sampled' });
    assert.notDeepEqual(sampled.centres, alone.centres);
  });

  it('leave a step out together where a value of one of them is not finite', async () => {
    const options: SameRunOptions = {
      ...{ kind: 'memory', sampleRate: 1, passes: 2, steps: 4 },
      broken: { step: 1, pass: 1 },
    };
    const alone = await sameRun(undefined, options);
    assert.deepEqual(alone.updated, [true, false, true, true]);
    const all = await onRanks<SameRunResult>(2, MODULE, 'sameRun', { ...options });
    for (const one of all) {
      assert.deepEqual(one.updated, alone.updated);
      // JSON has no NaN.
      one.losses[1] = alone.losses[1] = one.cosines[1] = alone.cosines[1] = 0;
      close(one, alone, 1e-5, 'with a broken step');
    }
  });

  it('send gradients in half precision where asked, and normalise over all of them', async () => {
    const options: SameRunOptions = { kind: 'memory', sampleRate: 1, passes: 2, steps: 3 };
    const alone = await sameRun(undefined, options);
    for (const [compression, within] of [
      ['bfloat16', 2e-2],
      ['float16', 3e-3],
    ] as const) {
      const all = await onRanks<SameRunResult>(2, MODULE, 'sameRun', { ...options, compression });
      assert.deepEqual(all[0]?.weights, all[1]?.weights);
      close(all[0] as SameRunResult, alone, within, compression);
      assert.notDeepEqual(all[0]?.weights, alone.weights);
    }
    const synced = await onRanks<SameRunResult>(2, MODULE, 'sameRun', { ...options, syncBatchNorm: true });
    assert.deepEqual(synced[0]?.statistics, synced[1]?.statistics);
    assert.ok(Math.abs((synced[0]?.losses[1] as number) - (alone.losses[1] as number)) > 1e-4);
  });
});
