import assert from 'node:assert/strict';
import { Sampler, flipFlags, type SamplerOptions } from '../../lib/data/loader/sampler';

const options = { length: 103, batchSize: 8, seed: 5 };

function epochOf(sampler: Sampler, epoch: number): number[][] {
  return Array.from({ length: sampler.numBatches }, (_, i) => [...sampler.batch(epoch, i)]);
}

/** The batches of all ranks: step by step, rank by rank, in their order. */
function stepsOfRanks(given: Omit<SamplerOptions, 'rank'>, epoch: number): number[][][][] {
  const { accumulate = 1, worldSize = 1 } = given;
  const ranks = Array.from({ length: worldSize }, (_, rank) =>
    epochOf(new Sampler({ ...given, rank }), epoch),
  );
  const steps = (ranks[0]?.length ?? 0) / accumulate;
  assert.ok(ranks.every((batches) => batches.length === steps * accumulate));
  return Array.from({ length: steps }, (_, s) =>
    ranks.map((batches) => batches.slice(s * accumulate, (s + 1) * accumulate)),
  );
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

  it('cuts the order of the epoch into batches on one rank', () => {
    for (const dropLast of [true, false]) {
      const [whole = []] = epochOf(new Sampler({ ...options, batchSize: 103, dropLast }), 3);
      const expected = Array.from({ length: dropLast ? 12 : 13 }, (_, i) => whole.slice(8 * i, 8 * (i + 1)));
      assert.deepEqual(epochOf(new Sampler({ ...options, dropLast }), 3), expected);
    }
  });

  for (const dropLast of [true, false])
    for (const shuffle of ['full', 'block'] as const)
      it(`gives W ranks of A batches what one rank of W A batches has: ${shuffle}, dropLast ${dropLast}`, () => {
        for (const worldSize of [1, 2, 3, 4])
          for (const accumulate of [1, 2, 3])
            for (const length of [101, 102, 103, 106, 120]) {
              const given = { ...options, length, batchSize: 4, dropLast, shuffle, blockSize: 7 };
              const one = epochOf(new Sampler({ ...given, accumulate: worldSize * accumulate }), 1);
              const ranks = stepsOfRanks({ ...given, accumulate, worldSize }, 1);
              assert.deepEqual(ranks.flat(2), one);
              const [whole = []] = epochOf(new Sampler({ ...given, batchSize: length, accumulate: 1 }), 1);
              const inOrder = one.flat();
              assert.deepEqual(inOrder.slice(0, length), whole.slice(0, inOrder.length));
            }
      });

  it('has whole steps only, or one smaller step of equal batches on all ranks with at least two samples each', () => {
    for (const worldSize of [1, 2, 3, 4])
      for (const accumulate of [1, 2, 3])
        for (let length = 48; length <= 97; length++) {
          const given = { ...options, length, batchSize: 4, accumulate, worldSize };
          const batches = worldSize * accumulate;
          const steps = stepsOfRanks({ ...given, dropLast: false }, 0);
          const full = Math.floor(length / (4 * batches));
          assert.deepEqual(stepsOfRanks(given, 0), steps.slice(0, full));
          assert.ok(
            steps
              .slice(0, full)
              .flat(2)
              .every(({ length: size }) => size === 4),
          );
          const left = length - full * 4 * batches;
          assert.equal(steps.length, full + (left > 0 ? 1 : 0));
          if (left === 0) continue;
          const sizes = new Set(steps[full]!.flat().map((batch) => batch.length));
          const evenly = Math.ceil(left / batches);
          assert.deepEqual([...sizes], [batches > 1 ? Math.max(2, evenly) : evenly]);
          const [all, last] = [steps.flat(3), steps[full]!.flat(2)];
          assert.equal(new Set(all).size, length, 'every sample comes');
          // What makes it even is the beginning of the order once more.
          assert.deepEqual(last.slice(left), all.slice(0, last.length - left));
        }
  });

  it('has batches of one where nothing else is asked for', () => {
    const single = new Sampler({ ...options, batchSize: 1, worldSize: 2, dropLast: false });
    assert.equal(single.numBatches, 52);
    assert.deepEqual(
      epochOf(single, 0).map((batch) => batch.length),
      new Array(52).fill(1),
    );
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
      const ranks = stepsOfRanks({ ...long, batchSize: 8, worldSize: 2 }, 2);
      assert.deepEqual(
        ranks.map((step) => step.flat(2)),
        whole,
      );
    });

    it('says which blocks a batch needs', () => {
      for (const dropLast of [true, false])
        for (const rank of [0, 1, 2]) {
          const sampler = new Sampler({ ...long, rank, worldSize: 3, accumulate: 2, dropLast });
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
        }
    });
  });

  it('refuses what it cannot sample', () => {
    const make = (change: Partial<SamplerOptions>) => () => new Sampler({ ...options, ...change });
    assert.throws(make({ batchSize: 104 }), {
      code: 'ERR_CONFIG',
      message: /103 samples, less than one global batch of 104/,
    });
    assert.throws(make({ batchSize: 60, worldSize: 2 }), {
      code: 'ERR_CONFIG',
      message: /one global batch of 120 \(60 on each of 2 ranks\)/,
    });
    assert.throws(make({ batchSize: 60, accumulate: 2 }), {
      code: 'ERR_CONFIG',
      message: /one global batch of 120 \(2 batches of 60 on 1 rank\)/,
    });
    assert.throws(make({ accumulate: 0 }), { code: 'ERR_ARGUMENT', message: /accumulate/ });
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
