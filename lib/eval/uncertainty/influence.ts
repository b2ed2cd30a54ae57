/** Whose the two sides of observations are: people, templates, probes, by number. */
export interface Sides {
  /** [N] */
  readonly first: ArrayLike<number>;
  /** [N] the same as `first` where an observation is one unit's alone. */
  readonly second: ArrayLike<number>;
  /** How many units there are. */
  readonly units: number;
}

/** How far each unit moves a mean: [units], what the mean gains where the unit is drawn once more. */
export type Influence = Float64Array;

/**
 * How far each unit moves the mean of observations that one or two units make.
 *
 * An observation of two units counts for both, as they are drawn apart. So what is its own, and neither of the two units',
 * would be counted twice: the influences are scaled to the variance without that (Cameron, Gelbach and Miller 2011;
 * Aronow, Samii and Assenova 2015), but never to less than that of observations that have nothing in common.
 *
 * @param values [N]
 * @param select which observations take part; all by default
 */
export function influenceOfPairs(
  values: ArrayLike<number>,
  { first, second, units }: Sides,
  select: (observation: number) => boolean = () => true,
): { mean: number; influence: Influence } {
  let [sum, count] = [0, 0];
  for (let p = 0; p < values.length; p++) {
    if (!select(p)) continue;
    sum += values[p]!;
    count++;
  }
  const mean = sum / count;
  const influence = new Float64Array(units);
  let [own, shared] = [0, 0];
  for (let p = 0; p < values.length; p++) {
    if (!select(p)) continue;
    const deviation = (values[p]! - mean) / count;
    const [a, b] = [first[p]!, second[p]!];
    influence[a]! += deviation;
    own += deviation ** 2;
    if (a === b) continue;
    influence[b]! += deviation;
    shared += deviation ** 2;
  }
  scale(influence, { own, shared });
  return { mean, influence };
}

/** Counts of observations, each of two different units. */
export interface PairCounts {
  /** [units] observations that a unit takes part in. */
  readonly pairs: ArrayLike<number>;
  /** [units] those of them that count. */
  readonly hits: ArrayLike<number>;
  /** Observations, and those that count. */
  readonly allPairs: number;
  readonly allHits: number;
}

/** {@link influenceOfPairs} of observations that are 0 or 1, from counts: there may be too many to be looked at one by one. */
export function influenceOfCounts({ pairs, hits, allPairs, allHits }: PairCounts): {
  mean: number;
  influence: Influence;
} {
  const mean = allHits / allPairs;
  const influence = Float64Array.from(hits, (count, unit) => (count - mean * pairs[unit]!) / allPairs);
  const own = (mean * (1 - mean)) / allPairs;
  scale(influence, { own, shared: own });
  return { mean, influence };
}

/**
 * @param own variance of the mean if observations had nothing in common
 * @param shared the part of it that was counted for two units
 */
function scale(influence: Influence, { own, shared }: { own: number; shared: number }): void {
  let [square, units] = [0, 0];
  for (const value of influence) {
    square += value ** 2;
    if (value !== 0) units++;
  }
  if (square === 0) return;
  // A mean of few units is farther from the truth than they are from each other.
  const few = units > 1 ? units / (units - 1) : 1;
  const factor = Math.sqrt((Math.max(square - shared, own) / square) * few);
  for (let unit = 0; unit < influence.length; unit++) influence[unit]! *= factor;
}
