import assert from 'node:assert/strict';
import { Sampler, flipFlags, type SamplerOptions } from '../../lib/data/loader/sampler';

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

  describe('of weighted parts', () => {
    const parts = [
      { length: 40, weight: 1 },
      { length: 30, weight: 2.5 },
      { length: 33, weight: 0.25 },
    ];
    const draws = [40, 75, 8];
    const partOf = (sample: number) => (sample < 40 ? 0 : sample < 70 ? 1 : 2);

    for (const shuffle of [true, false, 'block'] as const)
      it(`draws weight times the samples of each, every one equally often over the epochs (${shuffle})`, () => {
        const sampler = new Sampler({
          ...options,
          parts,
          shuffle,
          dropLast: false,
          blockSize: 4,
          windowBlocks: 3,
        });
        assert.equal(sampler.epochLength, 123);
        const times = new Uint32Array(103);
        for (let epoch = 0; epoch < 8; epoch++) {
          const samples = epochOf(sampler, epoch).flat();
          assert.deepEqual(
            draws.map((_, part) => samples.filter((sample) => partOf(sample) === part).length),
            draws,
          );
          for (const sample of samples) times[sample]!++;
          for (const [sample, count] of times.entries()) {
            const drawn = (draws[partOf(sample)]! * (epoch + 1)) / parts[partOf(sample)]!.length;
            assert.ok(count === Math.floor(drawn) || count === Math.ceil(drawn), `${sample}: ${count}`);
          }
        }
        assert.deepEqual(
          epochOf(sampler, 3),
          epochOf(
            new Sampler({ ...options, parts, shuffle, dropLast: false, blockSize: 4, windowBlocks: 3 }),
            3,
          ),
        );
      });

    it('is the order of one dataset where every weight is 1', () => {
      const ones = parts.map(({ length }) => ({ length, weight: 1 }));
      assert.deepEqual(
        epochOf(new Sampler({ ...options, parts: ones }), 2),
        epochOf(new Sampler(options), 2),
      );
    });

    it('mixes the parts', () => {
      const first = epochOf(new Sampler({ ...options, parts }), 0)
        .slice(0, 5)
        .flat();
      const of = (part: number) => first.filter((sample) => partOf(sample) === part).length;
      // Of 40 draws 13 and 24 are expected: half of that is 3 standard deviations away.
      assert.ok(of(0) >= 6 && of(1) >= 12, `${of(0)} and ${of(1)}`);
    });

    it('refuses parts that are not the dataset', () => {
      const make = (list: typeof parts) => () => new Sampler({ ...options, parts: list });
      assert.throws(make([{ length: 100, weight: 1 }]), { code: 'ERR_ARGUMENT', message: /add up to 103/ });
      assert.throws(make([{ length: 103, weight: 0 }]), { code: 'ERR_ARGUMENT', message: /weights above 0/ });
    });
  });

  describe('in blocks', () => {
    const long = {
      length: 1000,
      batchSize: 16,
      seed: 3,
      shuffle: 'block',
      blockSize: 10,
      windowBlocks: 8,
    } as const;

    it('sees every sample once, in an order of its own each epoch', () => {
      const sampler = new Sampler({ ...long, dropLast: false });
      const [first, second] = [epochOf(sampler, 0).flat(), epochOf(sampler, 1).flat()];
      const all = Array.from({ length: 1000 }, (_, i) => i);
      assert.deepEqual(sorted(first), all);
      assert.deepEqual(sorted(second), all);
      assert.notDeepEqual(first, second);
      assert.deepEqual(epochOf(sampler, 0).flat(), first);
    });

    it('draws a window from as many blocks as it holds, and shuffles within it', () => {
      const order = epochOf(new Sampler({ ...long, dropLast: false }), 4).flat();
      const blocksSeen = new Set<number>();
      for (let from = 0; from < 1000; from += 80) {
        const window = order.slice(from, from + 80);
        const blocks = new Set(window.map((sample) => Math.floor(sample / 10)));
        assert.equal(blocks.size, window.length / 10);
        for (const block of blocks) {
          assert.ok(!blocksSeen.has(block));
          blocksSeen.add(block);
        }
        const neighbours = window.filter((sample, i) => window[i + 1] === sample + 1).length;
        assert.ok(neighbours < 12, `${neighbours} samples are followed by their neighbour`);
      }
    });

    it('takes its blocks from all over the dataset', () => {
      const window = epochOf(new Sampler(long), 0).slice(0, 5).flat();
      assert.ok(Math.min(...window) < 300 && Math.max(...window) >= 700);
    });

    it('gives any batch at any time, and splits over ranks', () => {
      const whole = epochOf(new Sampler(long), 2);
      const resumed = new Sampler(long);
      for (const index of [61, 3, 4, 5, 61, 0]) assert.deepEqual([...resumed.batch(2, index)], whole[index]);
      const ranks = [0, 1].map((rank) =>
        epochOf(new Sampler({ ...long, batchSize: 8, rank, worldSize: 2 }), 2),
      );
      whole.forEach((batch, b) => assert.deepEqual(sorted(ranks.flatMap((rank) => rank[b]!)), sorted(batch)));
    });

    it('says which blocks a batch needs', () => {
      const sampler = new Sampler({ ...long, rank: 1, worldSize: 3 });
      const order = sampler.blockOrder!;
      for (let index = 0; index < sampler.numBatches; index++) {
        const [first, last] = sampler.positions(index).map((at) => order.windowOf(1, at));
        const ranges = [...order.blocks(1, first!), ...order.blocks(1, last!)];
        for (const sample of sampler.batch(1, index))
          assert.ok(
            ranges.some(({ start, end }) => sample >= start && sample < end),
            String(sample),
          );
      }
    });
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
    assert.throws(make({ shuffle: 'blocks' as 'block' }), { code: 'ERR_ARGUMENT', message: /shuffle/ });
    assert.throws(make({ blockSize: 0 }), { code: 'ERR_ARGUMENT', message: /blockSize/ });
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
