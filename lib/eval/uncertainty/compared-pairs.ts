import type { Fold } from '../metrics/folds';
import type { ScoredPairs } from '../metrics/scored-pairs';
import type { Sides } from './influence';

/** Pairs of a set, compared. */
export interface ComparedPairs {
  /** [P] small for pairs that look alike: squared distances, 0 to 4. */
  readonly distances: Float64Array;
  /** [P] */
  readonly isSame: ArrayLike<boolean | number>;
  /** Whose the pictures are. */
  readonly sides: Sides;
  /** The set's own folds. @default ten contiguous ones */
  readonly folds?: readonly Fold[];
  /** One threshold for all pairs that was chosen elsewhere, instead of folds. */
  readonly threshold?: number;
}

/** Whose the pictures of scored pairs are; of whom nobody knows, each is somebody else's, but for pairs of one person. */
export function sidesOfScored({ first, second, isSame }: ScoredPairs): Sides {
  let units = 0;
  for (const side of [first, second]) for (const person of side) units = Math.max(units, person + 1);
  const firsts = first.map((person) => (person < 0 ? units++ : person));
  const seconds = second.map((person, pair) => {
    if (person >= 0) return person;
    return isSame[pair] === 1 ? firsts[pair]! : units++;
  });
  return { first: firsts, second: seconds, units };
}
