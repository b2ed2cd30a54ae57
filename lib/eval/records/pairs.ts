import { createHash } from 'node:crypto';

import type { PairVerification } from '../metrics/pair-verification';
import type { ComparedPairs } from '../uncertainty/compared-pairs';
import { tiedPeople } from '../uncertainty/components';
import { CosineBins } from '../uncertainty/curves';
import { DRAWS, type DrawOptions } from '../uncertainty/draws';
import { pairCurves, pairNumbers } from '../uncertainty/pair-numbers';
import type { EvaluationRecord, RecordedNumber, RecordedPair, Resampling } from './record';

const HARDEST = 12;

/** What a record says of a set of pairs that the pairs do not tell. */
export interface PairFacts extends Pick<
  EvaluationRecord,
  'benchmark' | 'set' | 'variant' | 'protocol' | 'flags' | 'model' | 'data' | 'counts'
> {
  /** Numbers that are not drawn, after the others. */
  readonly others?: readonly RecordedNumber[];
  /** Names picture `side` of a pair; by default by its number in the set. */
  readonly nameOf?: (pair: number, side: 0 | 1) => string;
}

/** The record of a set of pairs: numbers with intervals, ROC and DET, similarities, the hardest pairs. */
export function recordPairs(
  pairs: ComparedPairs,
  facts: PairFacts,
  options: DrawOptions = {},
): EvaluationRecord {
  const { others = [], nameOf = (pair, side) => String(2 * pair + side), ...rest } = facts;
  const { distances, isSame, sides } = pairs;
  const bins = new CosineBins();
  distances.forEach((distance, pair) => bins.add(1 - distance / 2, Boolean(isSame[pair])));
  return {
    format: 'kappaface-evaluation',
    version: 1,
    ...rest,
    numbers: [...pairNumbers(pairs, options), ...others],
    resampling: resamplingOf('identities', sides.units, [sides.first, sides.second, isSame], options),
    curves: pairCurves(rest.set, pairs, { seed: options.seed }),
    histograms: bins.histograms(),
    hardest: hardestPairs(pairs, nameOf),
    made: new Date().toISOString(),
  };
}

/** Numbers of folds that are not drawn. */
export function foldNumbers({
  std,
  standardError,
  val,
  threshold,
}: Pick<PairVerification, 'std' | 'standardError' | 'val' | 'threshold'>): RecordedNumber[] {
  return [
    { id: 'std', label: 'std of folds (insightface)', value: std, isShare: true },
    {
      id: 'standard-error',
      label: 'standard error of folds (official)',
      value: standardError,
      isShare: true,
    },
    { id: 'val@far=1e-3', label: 'VAL at FAR 1e-3 (folds)', value: val, isShare: true },
    { id: 'threshold', label: 'threshold', value: threshold, isShare: false },
  ];
}

/** The pairs of one person that look least alike, and those of two that look most alike, by turns. */
function hardestPairs(
  { distances, isSame }: ComparedPairs,
  nameOf: (pair: number, side: 0 | 1) => string,
): RecordedPair[] {
  const order = Array.from(distances.keys()).sort((a, b) => distances[a]! - distances[b]!);
  const impostors = order.filter((pair) => !isSame[pair]).slice(0, HARDEST);
  const genuine = order
    .filter((pair) => isSame[pair])
    .slice(-HARDEST)
    .reverse();
  return impostors
    .flatMap((impostor, i) => (genuine[i] === undefined ? [impostor] : [genuine[i], impostor]))
    .map((pair) => ({
      first: nameOf(pair, 0),
      second: nameOf(pair, 1),
      isSame: Boolean(isSame[pair]),
      score: Number((1 - distances[pair]! / 2).toPrecision(6)),
    }));
}

/** What was drawn, with a fingerprint of it. @param parts whose observations are, and of which kind */
export function resamplingOf(
  unit: Resampling['unit'],
  units: number,
  parts: readonly ArrayLike<number | boolean>[],
  { draws = DRAWS, seed = 0 }: DrawOptions,
): Resampling {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(Int32Array.from(part as ArrayLike<number>));
  return { unit, units, draws, seed, fingerprint: hash.digest('hex').slice(0, 16) };
}

/**
 * Whose the pictures of a set of pairs are, as far as it tells: pictures are of one person where they are the same file, or
 * a pair says so, directly or over others.
 *
 * @param images [2P] encoded, those of pair i at 2i and 2i + 1
 */
export function sidesOfPairs(
  images: readonly Buffer[],
  isSame: ArrayLike<boolean | number>,
): ComparedPairs['sides'] {
  const ties: [number, number][] = [];
  const seen = new Map<string, number>();
  for (const [i, image] of images.entries()) {
    const key = createHash('sha1').update(image).digest('base64');
    const other = seen.get(key);
    if (other === undefined) seen.set(key, i);
    else ties.push([other, i]);
  }
  for (let pair = 0; pair < isSame.length; pair++) if (isSame[pair]) ties.push([2 * pair, 2 * pair + 1]);
  const { people, count } = tiedPeople(images.length, ties);
  return {
    first: people.filter((_, i) => i % 2 === 0),
    second: people.filter((_, i) => i % 2 === 1),
    units: count,
  };
}
