import { DrawnNumbers } from '../uncertainty/drawn-numbers';
import { sidesOfScored } from '../uncertainty/compared-pairs';
import type { DrawOptions } from '../uncertainty/draws';
import { influenceOfPairs } from '../uncertainty/influence';
import { pairNumbers } from '../uncertainty/pair-numbers';
import type { CommonThreshold, GroupsResult } from '../groups/evaluate';
import { resamplingOf } from './pairs';
import type { EvaluationRecord, RecordedNumber } from './record';

/** What a record says of groups that the result does not tell. */
export type GroupFacts = Pick<EvaluationRecord, 'flags' | 'model' | 'data'>;

/**
 * The record of groups, with intervals from drawing people: accuracy of each by its own folds, and FMR and FNMR of each at the
 * common thresholds, as they are.
 */
export function recordGroups(
  result: GroupsResult,
  facts: GroupFacts,
  options: DrawOptions = {},
): EvaluationRecord {
  const { groups, thresholds, protocol, pairs } = result;
  const sides = sidesOfScored(pairs);
  const accuracies = groups.flatMap(({ name, verification }, g): RecordedNumber[] => {
    if (!verification) return [];
    const own = (_: unknown, i: number): boolean => pairs.firstGroup[i] === g && pairs.secondGroup[i] === g;
    const [accuracy] = pairNumbers(
      {
        distances: pairs.distances.filter(own),
        isSame: pairs.isSame.filter(own),
        sides: {
          first: Int32Array.from(sides.first).filter(own),
          second: Int32Array.from(sides.second).filter(own),
          units: sides.units,
        },
      },
      options,
    );
    return [{ ...accuracy!, id: `accuracy/${name}`, label: `accuracy, ${name}` }];
  });
  const numbers = new DrawnNumbers(sides.units);
  for (const threshold of thresholds)
    for (const [g, { name }] of groups.entries()) addRates(numbers, result, threshold, { g, name });
  return {
    format: 'kappaface-evaluation',
    version: 1,
    benchmark: 'groups',
    set: 'groups',
    variant: groups.map(({ name }) => name).join('-'),
    protocol,
    ...facts,
    counts: { groups: groups.length, pairs: pairs.distances.length },
    numbers: [...accuracies, ...numbers.draw(options)],
    resampling: resamplingOf('identities', sides.units, [sides.first, sides.second, pairs.isSame], options),
    curves: [],
    histograms: [],
    made: new Date().toISOString(),
  };
}

/** Adds FMR and FNMR of a group at a common threshold, where there are pairs to see them by. */
function addRates(
  numbers: DrawnNumbers,
  { pairs }: GroupsResult,
  { chosenBy, threshold, groups }: CommonThreshold,
  { g, name }: { g: number; name: string },
): void {
  const { distances, isSame, firstGroup, secondGroup } = pairs;
  const sides = sidesOfScored(pairs);
  const rates = [
    { kind: 'fmr', same: 0, value: groups[g]!.fmr },
    { kind: 'fnmr', same: 1, value: groups[g]!.fnmr },
  ] as const;
  for (const { kind, same, value } of rates) {
    if (value === undefined) continue;
    const isError = distances.map((distance) => Number(distance < threshold !== (same === 1)));
    const { influence } = influenceOfPairs(
      isError,
      sides,
      (i) => isSame[i] === same && firstGroup[i] === g && secondGroup[i] === g,
    );
    numbers.share(
      `${kind}@${chosenBy}/${name}`,
      `${kind.toUpperCase()} at ${chosenBy}, ${name}`,
      value,
      influence,
    );
  }
}
