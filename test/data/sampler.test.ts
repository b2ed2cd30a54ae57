import assert from 'node:assert/strict';
import { Sampler, flipFlags, type SamplerOptions } from '../../lib/data/sampler';

const options = { length: 103, batchSize: 8, seed: 5 };

function epochOf(sampler: Sampler, epoch: number): number[][] {
  return Array.from({ length: sampler.numBatches }, (_, i) => [...sampler.batch(epoch, i)]);
}

function sorted(values: number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

const everything = Array.from({ length: options.length }, (_, i) => i);

describe('the sampler', () => {
  it('gives an order that depends on seed and epoch alone', () => {
    const order = epochOf(new Sampler(options), 2);
    const other = new Sampler(options);
    epochOf(other, 7);
    assert.deepEqual(epochOf(other, 2), order);
    assert.notDeepEqual(epochOf(other, 3), order);
    assert.notDeepEqual(epochOf(new Sampler({ ...options, seed: 6 }), 2), order);
  });

  it('drops the incomplete batch: 12 whole ones of distinct samples', () => {
    const batches = epochOf(new Sampler(options), 0);
    assert.equal(batches.length, 12);
    assert.ok(batches.every((batch) => batch.length === 8));
    assert.equal(new Set(batches.flat()).size, 96);
  });

  it('keeps the incomplete batch when told to, and then sees everything once', () => {
    const batches = epochOf(new Sampler({ ...options, dropLast: false }), 0);
    assert.equal(batches.at(-1)!.length, 103 % 8);
    assert.deepEqual(sorted(batches.flat()), everything);
  });

  it('asks for any batch at any time, so that training resumes anywhere', () => {
    const whole = epochOf(new Sampler(options), 4);
    const resumed = new Sampler(options);
    assert.deepEqual([...resumed.batch(4, 9)], whole[9]);
    assert.deepEqual([...resumed.batch(4, 3)], whole[3]);
  });

  it('splits each global batch over the ranks, whatever their number', () => {
    const global = epochOf(new Sampler({ ...options, batchSize: 24 }), 1);
    for (const worldSize of [2, 3, 4]) {
      const ranks = Array.from({ length: worldSize }, (_, rank) =>
        epochOf(new Sampler({ ...options, batchSize: 24 / worldSize, rank, worldSize }), 1),
      );
      global.forEach((batch, b) =>
        assert.deepEqual(sorted(ranks.flatMap((rank) => rank[b]!)), sorted(batch)),
      );
    }
  });

  it('gives every rank equally many samples when nothing is dropped, at most one twice per rank', () => {
    const ranks = [0, 1, 2, 3].map((rank) =>
      epochOf(new Sampler({ ...options, dropLast: false, rank, worldSize: 4 }), 0).flat(),
    );
    assert.deepEqual(
      ranks.map((rank) => rank.length),
      [26, 26, 26, 26],
    );
    assert.equal(new Set(ranks.flat()).size, options.length);
  });

  it('keeps the order of the file where it is told not to shuffle', () => {
    const batches = epochOf(new Sampler({ ...options, shuffle: false, dropLast: false }), 3);
    assert.deepEqual(batches.flat(), everything);
  });

  it('refuses what it cannot sample', () => {
    const make = (change: Partial<SamplerOptions>) => () => new Sampler({ ...options, ...change });
    assert.throws(make({ batchSize: 104 }), {
      code: 'ERR_CONFIG',
      message: /103 samples, less than one global batch of 104/,
    });
    assert.throws(make({ batchSize: 60, worldSize: 2 }), { code: 'ERR_CONFIG' });
    assert.throws(make({ rank: 2, worldSize: 2 }), { code: 'ERR_ARGUMENT', message: /rank/ });
    assert.throws(make({ seed: -1 }), { code: 'ERR_ARGUMENT', message: /seed/ });
    assert.throws(make({ batchSize: 1.5 }), { code: 'ERR_ARGUMENT', message: /batchSize/ });
    assert.throws(() => new Sampler(options).batch(0, 12), { code: 'ERR_ARGUMENT', message: /index/ });
  });

  it('mirrors half of the samples, anew each epoch, by seed, epoch and sample alone', () => {
    const flags = (seed: number, epoch: number) =>
      Array.from({ length: 4096 }, (_, i) => flipFlags(seed, epoch)(i));
    const first = flags(1, 0);
    const agree = (other: number[]) => first.filter((flag, i) => flag === other[i]).length;
    assert.deepEqual(flags(1, 0), first);
    const ones = first.filter((flag) => flag === 1).length;
    assert.ok(ones > 1900 && ones < 2200, String(ones));
    for (const other of [flags(1, 1), flags(2, 0)]) assert.ok(agree(other) > 1900 && agree(other) < 2200);
  });
});
