import assert from 'node:assert/strict';

import { Identification } from '../../../lib/eval/metrics/identification';
import { identificationNumbers } from '../../../lib/eval/uncertainty/identification-numbers';
import { Xoshiro128 } from '../../../lib/random';

const PEOPLE = 60;
const PROBES = 300;
const random = Xoshiro128.fromSeed(9);

/** Some people are hard to find: each has a gift that all probes of it share. */
function identified(gift: (person: number) => number) {
  const people = Int32Array.from({ length: PROBES }, (_, probe) => probe % PEOPLE);
  const identification = new Identification({ probes: PROBES, columns: [30, 30], mates: people });
  for (let probe = 0; probe < PROBES; probe++)
    identification.add(
      probe,
      Float32Array.from({ length: PEOPLE }, (_, column) =>
        column === people[probe] ? gift(column) + 0.2 * random.uniform() : 0.6 * random.uniform(),
      ),
    );
  return {
    legacy: identification.legacy(),
    corrected: identification.corrected(),
    probes: identification.probes(),
    people,
    count: PEOPLE,
  };
}

describe('numbers of identification', () => {
  const input = identified((person) => 0.3 + (person % 10) / 20);
  const numbers = identificationNumbers(input);
  const number = (id: string) => numbers.find((one) => one.id === id)!;

  it('are those of both protocols', () => {
    for (const rank of [1, 5, 10] as const) {
      assert.equal(number(`rank-${rank}`).value, input.corrected.ranks[rank]);
      assert.equal(number(`legacy/rank-${rank}`).value, input.legacy.ranks[rank]);
    }
    for (const { fpir, tpir } of input.corrected.points)
      assert.equal(number(`tpir@fpir=${fpir}`).value, tpir);
    for (const { fpir, tpir } of input.legacy.points)
      assert.equal(number(`legacy/tpir@fpir=${fpir}`).value, tpir);
  });

  it('lie within their intervals, which are as wide as the people make them', () => {
    for (const { id, value, interval, draws } of numbers) {
      assert.ok(interval && interval.low <= value && value <= interval.high, id);
      assert.equal(draws!.length, 1000);
    }
    // Probes of a person are found or not, mostly: 60 people tell less than 300 probes that have nothing in common.
    const { value, interval } = number('rank-1');
    const alone = 2 * 1.96 * Math.sqrt((value * (1 - value)) / PROBES);
    assert.ok(interval!.high - interval!.low > 1.3 * alone);
  });

  it('move with the threshold, too', () => {
    // Where the threshold decides, TPIR is less sure than the share of probes above one and the same threshold.
    const { value, interval } = number('tpir@fpir=0.01');
    const { value: first, interval: ofFirst } = number('rank-1');
    const relative = (width: number, share: number): number => width / (share * (1 - share));
    assert.ok(
      relative(interval!.high - interval!.low, value) > relative(ofFirst!.high - ofFirst!.low, first) / 2,
    );
  });

  it('come from the scores at the thresholds', () => {
    const { values, owners } = input.probes.impostors;
    for (let i = 1; i < values.length; i++) assert.ok(values[i]! <= values[i - 1]!);
    assert.equal(values[Math.ceil(PROBES * 0.1) - 1], input.legacy.points[2]!.threshold);
    owners.forEach((probe, i) => assert.ok(input.probes.best.some((best) => best[probe]! >= values[i]!)));
  });
});
