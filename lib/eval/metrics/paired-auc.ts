import { argumentError } from '../../errors';

/** What one scoring of pairs is worth beside another one of the same pairs. */
export interface PairedAuc {
  /** Areas under the two ROC curves. */
  readonly first: number;
  readonly second: number;
  /** The second less the first, in standard errors; 0 where both tell every pair alike. */
  readonly z: number;
}

/**
 * Compares the areas under two ROC curves of the same pairs: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988). The
 * standard error is that of the difference, which is small where both find the same pairs difficult.
 *
 * @param first [P] distances, small for pairs that look alike
 * @param second [P] other distances of the same pairs
 * @param isSame [P] whether a pair is of one person
 * @throws KappaError `ERR_ARGUMENT` with fewer than two pairs of each kind
 */
export function comparePairedAuc(
  first: Float64Array,
  second: Float64Array,
  isSame: ArrayLike<boolean | number>,
): PairedAuc {
  const a = placements(first, isSame);
  const b = placements(second, isSame);
  if (a.genuine.length < 2 || a.impostor.length < 2)
    throw argumentError('the number of pairs', 'at least two of each kind', a.genuine.length);
  const difference = (x: number[], y: number[]): number[] => x.map((value, i) => y[i]! - value);
  const [d10, d01] = [difference(a.genuine, b.genuine), difference(a.impostor, b.impostor)];
  const [areaA, areaB] = [mean(a.genuine), mean(b.genuine)];
  const error = Math.sqrt(variance(d10) / d10.length + variance(d01) / d01.length);
  return { first: areaA, second: areaB, z: error === 0 ? 0 : (areaB - areaA) / error };
}

/** Of each genuine pair the share of impostor pairs that are further apart, and the other way round; ties are half. */
function placements(distances: Float64Array, isSame: ArrayLike<boolean | number>) {
  const of = (kind: boolean): Float64Array => distances.filter((_, i) => Boolean(isSame[i]) === kind);
  const [genuine, impostor] = [of(true), of(false)];
  const [sortedGenuine, sortedImpostor] = [genuine.toSorted(), impostor.toSorted()];
  return {
    genuine: Array.from(genuine, (value) => 1 - placeOf(value, sortedImpostor)),
    impostor: Array.from(impostor, (value) => placeOf(value, sortedGenuine)),
  };
}

/** The share of sorted values below a value; equal ones are half below. */
function placeOf(value: number, sorted: Float64Array): number {
  const below = (isBelow: (other: number) => boolean): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBelow(sorted[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return (below((other) => other < value) + below((other) => other <= value)) / (2 * sorted.length);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample variance. */
function variance(values: readonly number[]): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
}
