import assert from 'node:assert/strict';
import { SplitMix64, Xoshiro128, mix32, shuffle } from '../lib/random';

describe('random numbers', () => {
  it('SplitMix64 gives the published sequence of seed 1234567', () => {
    const random = new SplitMix64(1234567);
    const expected = [
      6457827717110365317n,
      3203168211198807973n,
      9817491932198370423n,
      4593380528125082431n,
      16408922859458223821n,
    ];
    assert.deepEqual(
      expected.map(() => random.next()),
      expected,
    );
  });

  it('xoshiro128** 1.1 gives the reference sequence of state 1, 2, 3, 4', () => {
    const random = new Xoshiro128([1, 2, 3, 4]);
    const expected = [
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ];
    assert.deepEqual(
      expected.map(() => random.next()),
      expected,
    );
  });

  it('MurmurHash3 finaliser gives its known values', () => {
    assert.deepEqual([0, 1, 2].map(mix32), [0, 0x514e28b7, 0x30f4c306]);
  });

  it('below() stays below and takes every value', () => {
    const random = Xoshiro128.fromSeed(7);
    const seen = new Array<number>(5).fill(0);
    for (let i = 0; i < 5000; i++) seen[random.below(5)]!++;
    assert.ok(
      seen.every((count) => count > 850 && count < 1150),
      seen.join(' '),
    );
  });

  it('seeds differ by value, by number and by order', () => {
    const first = [[1, 2], [2, 1], [1], [1, 2, 0], [0], []].map((seeds) =>
      Xoshiro128.fromSeed(...seeds).next(),
    );
    assert.equal(new Set(first).size, first.length);
  });

  it('a shuffle keeps every element, and puts each anywhere equally often', () => {
    const random = Xoshiro128.fromSeed(3);
    const counts = Array.from({ length: 4 }, () => new Array<number>(4).fill(0));
    for (let round = 0; round < 4000; round++) {
      const order = Uint32Array.of(0, 1, 2, 3);
      shuffle(order, random);
      assert.deepEqual([...order].sort(), [0, 1, 2, 3]);
      order.forEach((value, place) => counts[value]![place]!++);
    }
    assert.ok(
      counts.flat().every((count) => count > 850 && count < 1150),
      counts.join(' / '),
    );
  });
});
