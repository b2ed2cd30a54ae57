import assert from 'node:assert/strict';

import { rocCurve, tarAtFar } from '../../../lib/eval/metrics/roc';
import { nearestFar, type PairRoc } from '../../../lib/eval/metrics/pair-roc';
import { tiedPeople } from '../../../lib/eval/uncertainty/components';
import { drawUnits } from '../../../lib/eval/uncertainty/draws';
import { influenceOfCounts, influenceOfPairs } from '../../../lib/eval/uncertainty/influence';
import { pairNumbers } from '../../../lib/eval/uncertainty/pair-numbers';
import { intervalOfDraws, shareDraws, wilsonInterval } from '../../../lib/eval/uncertainty/rates';
import { Xoshiro128 } from '../../../lib/random';
import { simulatedPairs } from './coverage';

const random = Xoshiro128.fromSeed(12);
const deviation = (values: ArrayLike<number>): number => {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length);
};

describe('draws', () => {
  it('move means as far as their influences say, and the same each time', () => {
    const influence = Float64Array.from({ length: 200 }, () => random.uniform() - 0.5);
    const [moved] = drawUnits([influence], { draws: 4000, seed: 3 });
    const centred = influence.map(
      (value, _, all) => value - all.reduce((sum, one) => sum + one, 0) / all.length,
    );
    const expected = Math.sqrt(centred.reduce((sum, value) => sum + value ** 2, 0));
    assert.ok(Math.abs(deviation(moved!) / expected - 1) < 0.05);
    assert.deepEqual(drawUnits([influence], { draws: 4000, seed: 3 })[0], moved);
    assert.notDeepEqual(drawUnits([influence], { draws: 4000, seed: 4 })[0], moved);
    // Means that are drawn together are of the same draws.
    const both = drawUnits([influence, influence.map((value) => 2 * value)], { draws: 50 });
    both[0]!.forEach((value, draw) => assert.ok(Math.abs(2 * value - both[1]![draw]!) < 1e-12));
  });

  it('of observations that have nothing in common move their mean by the binomial deviation', () => {
    const values = Uint8Array.from({ length: 500 }, (_, i) => Number(i % 5 === 0));
    const alone = Int32Array.from(values.keys());
    const expected = Math.sqrt((0.2 * 0.8) / 500);
    for (const second of [alone, alone.map((i) => i + 500)]) {
      const { mean, influence } = influenceOfPairs(values, { first: alone, second, units: 1000 });
      assert.equal(mean, 0.2);
      const [moved] = drawUnits([influence], { draws: 4000 });
      assert.ok(Math.abs(deviation(moved!) / expected - 1) < 0.05, `${deviation(moved!)} for ${expected}`);
    }
  });

  it('of people move the mean by what each brings along', () => {
    // 50 people of 10 equal observations each are 50 observations.
    const first = Int32Array.from({ length: 500 }, (_, i) => Math.floor(i / 10));
    const values = first.map((person) => Number(person % 5 === 0));
    const { influence } = influenceOfPairs(values, { first, second: first, units: 50 });
    const [moved] = drawUnits([influence], { draws: 4000 });
    assert.ok(Math.abs(deviation(moved!) / Math.sqrt((0.2 * 0.8) / 49) - 1) < 0.05);
  });

  it('from counts are those from observations', () => {
    const units = 12;
    const pairs = Array.from({ length: units }, (_, a) =>
      Array.from({ length: a }, (__, b) => [a, b]),
    ).flat();
    const hits = pairs.map(([a, b]) => Number((a! * b!) % 3 === 1));
    const [first, second] = [pairs.map(([a]) => a!), pairs.map(([, b]) => b!)];
    const count = (weights: readonly number[]): Float64Array => {
      const sums = new Float64Array(units);
      for (const [i, weight] of weights.entries()) {
        sums[first[i]!]! += weight;
        sums[second[i]!]! += weight;
      }
      return sums;
    };
    const counted = influenceOfCounts({
      pairs: count(pairs.map(() => 1)),
      hits: count(hits),
      allPairs: pairs.length,
      allHits: hits.filter(Boolean).length,
    });
    const plain = influenceOfPairs(hits, { first, second, units });
    assert.ok(Math.abs(counted.mean - plain.mean) < 1e-15);
    counted.influence.forEach((value, unit) => assert.ok(Math.abs(value - plain.influence[unit]!) < 1e-12));
  });
});

describe('numbers of pairs', () => {
  it('are those of the metrics, and have the intervals of a bootstrap that evaluates anew', () => {
    // Each pair is a person's, or two that have no other: the plain bootstrap draws pairs of each kind.
    const pairs = 600;
    const { distances, isSame } = simulatedPairs(5, { people: 4000, pairs });
    const first = Int32Array.from({ length: 2 * pairs }, (_, i) => 2 * i);
    const second = first.map((person, i) => (isSame[i] ? person : person + 1));
    const numbers = pairNumbers({ distances, isSame, sides: { first, second, units: 4 * pairs } });
    const number = (id: string) => numbers.find((one) => one.id === id)!;
    const roc = rocCurve(distances, isSame);
    assert.equal(number('tar@far=1e-2').value, tarAtFar(roc, 1e-2));
    assert.equal(number('tar@far=1e-4').interval, undefined);
    const kinds = [true, false].map((kind) =>
      Array.from(distances.keys()).filter((i) => Boolean(isSame[i]) === kind),
    );
    const anew = Float64Array.from({ length: 1000 }, () => {
      const drawn = kinds.flatMap((kind) => kind.map(() => kind[random.below(kind.length)]!));
      return tarAtFar(
        rocCurve(
          Float64Array.from(drawn, (pair) => distances[pair]!),
          drawn.map((pair) => isSame[pair]!),
        ),
        1e-2,
      );
    });
    const [ours, plain] = [number('tar@far=1e-2').interval!, intervalOfDraws(anew)];
    const width = plain.high - plain.low;
    assert.ok(Math.abs(ours.low - plain.low) < 0.25 * width, JSON.stringify([ours, plain]));
    assert.ok(Math.abs(ours.high - plain.high) < 0.25 * width, JSON.stringify([ours, plain]));
  });

  it('do not depend on the order of the pairs, but for the folds', () => {
    const { distances, isSame, sides } = simulatedPairs(6, { people: 100, pairs: 200 });
    const turned = pairNumbers({
      distances: distances.slice().reverse(),
      isSame: Array.from(isSame).reverse(),
      sides: {
        first: Int32Array.from(sides.first).reverse(),
        second: Int32Array.from(sides.second).reverse(),
        units: sides.units,
      },
    });
    const plain = pairNumbers({ distances, isSame, sides });
    for (const [i, { id, value, interval }] of plain.entries()) {
      if (id === 'accuracy' || !interval) continue;
      assert.ok(Math.abs(turned[i]!.value - value) < 1e-12, id);
      assert.ok(Math.abs(turned[i]!.interval!.low - interval.low) < 1e-6, id);
    }
  });

  it('of a perfect model are 1, with what so many people can tell below', () => {
    const isSame = Array.from({ length: 100 }, (_, i) => i % 2 === 0);
    const sides = {
      first: isSame.map((_, i) => i),
      second: isSame.map((same, i) => (same ? i : i + 100)),
      units: 200,
    };
    const distances = Float64Array.from(isSame, (same) => (same ? 0.5 : 2));
    const [accuracy] = pairNumbers({ distances, isSame, sides });
    assert.equal(accuracy!.value, 1);
    assert.equal(accuracy!.interval!.high, 1);
    assert.ok(accuracy!.interval!.low > 0.95 && accuracy!.interval!.low < 0.97);
  });

  it('of shares stay between 0 and 1', () => {
    const draws = shareDraws(0.99, Float64Array.from([-1, -0.01, 0, 0.01, 1]));
    draws.forEach((draw) => assert.ok(draw >= 0 && draw <= 1));
    assert.equal(draws[2], 0.99);
    assert.deepEqual(shareDraws(1, Float64Array.from([-1, 1])), Float64Array.from([1, 1]));
  });

  it('have the intervals of Wilson where no draw moves them', () => {
    // By hand: z^2 = 3.8415; at 100 of 100 the lower end is 1 / (1 + z^2 / 100).
    const all = wilsonInterval(1, 100);
    assert.ok(Math.abs(all.low - 1 / 1.038415) < 1e-5);
    assert.equal(all.high, 1);
    const none = wilsonInterval(0, 100);
    assert.equal(none.low, 0);
    assert.ok(Math.abs(none.high - (1 - 1 / 1.038415)) < 1e-5);
  });
});

describe('people that ties tell', () => {
  it('are those of a plain search', () => {
    for (let round = 0; round < 50; round++) {
      const things = 1 + random.below(40);
      const ties = Array.from(
        { length: random.below(40) },
        () => [random.below(things), random.below(things)] as const,
      );
      const { people, count } = tiedPeople(things, ties);
      const plain = Array.from({ length: things }, (_, thing) => thing);
      for (let changed = true; changed;) {
        changed = false;
        for (const [a, b] of ties) {
          const least = Math.min(plain[a]!, plain[b]!);
          if (plain[a] !== least || plain[b] !== least) changed = true;
          plain[a] = plain[b] = least;
        }
      }
      assert.equal(count, new Set(plain).size);
      for (let a = 0; a < things; a++)
        for (let b = 0; b < things; b++) assert.equal(people[a] === people[b], plain[a] === plain[b]);
    }
  });
});

describe('the point nearest to a FAR', () => {
  it('is that of a plain search, ties among them', () => {
    for (let round = 0; round < 200; round++) {
      const length = 2 + random.below(30);
      const rising = (): Float64Array => {
        let sum = 0;
        return Float64Array.from({ length }, (_, i) => (sum += i === 0 ? 0 : random.below(3)));
      };
      const [impostors, genuine] = [rising(), rising()];
      const roc: PairRoc = {
        impostors,
        genuine,
        thresholds: Float32Array.from({ length }, (_, i) => -i),
        allImpostors: Math.max(1, impostors.at(-1)!),
        allGenuine: Math.max(1, genuine.at(-1)!),
      };
      const far = random.below(20) / 16;
      let [best, least] = [0, Infinity];
      for (let i = length - 1; i >= 0; i--) {
        const distance = Math.abs(impostors[i]! / roc.allImpostors - far);
        if (distance < least) [best, least] = [i, distance];
      }
      assert.deepEqual(nearestFar(roc, far), {
        tar: genuine[best]! / roc.allGenuine,
        far: impostors[best]! / roc.allImpostors,
        threshold: roc.thresholds[best],
      });
    }
  });
});
