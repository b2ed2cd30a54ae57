import { Xoshiro128 } from '../../random';
import { contiguousFolds } from '../metrics/folds';
import type { ComparedPairs } from './compared-pairs';
import { ACCURACY_STEP, ACCURACY_THRESHOLDS, FOLD_COUNT, firstAbove } from '../metrics/ten-fold';

const DRAWS = 200;

/**
 * By how much the choice of thresholds widens what the mean accuracy of ten folds may be. Where other pairs are told, others
 * choose the thresholds, too, and pairs near them change sides; this dies away so slowly with the number of pairs
 * (thresholds come nearer by its cube root) that it counts for all sets in use.
 *
 * Pairs are drawn within their folds and kinds, once judged at the thresholds that they choose, once at those that the set
 * itself chose. In a draw the thresholds move for two reasons, the set's own chance and that of the draw, so that half of
 * what is more is the set's.
 *
 * @returns a factor from 1 on, for standard deviations
 */
export function thresholdChoiceFactor(
  {
    distances,
    isSame,
    folds: given = contiguousFolds(distances.length, FOLD_COUNT),
  }: Pick<ComparedPairs, 'distances' | 'isSame' | 'folds'>,
  seed = 0,
): number {
  // The first threshold that accepts each pair.
  const first = Int32Array.from(distances, (distance) => firstAbove(distance, ACCURACY_STEP));
  const folds = given.map(({ start, end }): FoldPairs => {
    return {
      genuine: first.filter((_, pair) => pair >= start && pair < end && isSame[pair]),
      impostor: first.filter((_, pair) => pair >= start && pair < end && !isSame[pair]),
      size: end - start,
    };
  });
  const chosen = bestOfOthers(folds.map((fold) => countRight(fold)));
  const random = Xoshiro128.fromSeed(seed, distances.length);
  const draw = (thresholds: Int32Array): Int32Array =>
    thresholds.map(() => thresholds[random.below(thresholds.length)]!);
  const [anew, kept] = [new Float64Array(DRAWS), new Float64Array(DRAWS)];
  for (let d = 0; d < DRAWS; d++) {
    const right = folds.map(({ genuine, impostor }) =>
      countRight({ genuine: draw(genuine), impostor: draw(impostor) }),
    );
    const best = bestOfOthers(right);
    for (const [f, { size }] of folds.entries()) {
      anew[d]! += right[f]![best[f]!]! / size;
      kept[d]! += right[f]![chosen[f]!]! / size;
    }
  }
  const base = variance(kept);
  return base > 0 ? Math.sqrt(Math.max(1, (1 + variance(anew) / base) / 2)) : 1;
}

/** Of the pairs of a fold, by kind, the first threshold that accepts each. */
interface FoldPairs {
  readonly genuine: Int32Array;
  readonly impostor: Int32Array;
  readonly size: number;
}

/** How many pairs each threshold tells rightly. */
function countRight({ genuine, impostor }: Omit<FoldPairs, 'size'>): Int32Array {
  const right = new Int32Array(ACCURACY_THRESHOLDS);
  right[0] = impostor.length;
  for (const at of genuine) if (at < ACCURACY_THRESHOLDS) right[at]!++;
  for (const at of impostor) if (at < ACCURACY_THRESHOLDS) right[at]!--;
  for (let i = 1; i < ACCURACY_THRESHOLDS; i++) right[i]! += right[i - 1]!;
  return right;
}

/** For each fold, the first threshold that tells most pairs of the others rightly. */
function bestOfOthers(right: readonly Int32Array[]): Int32Array {
  const total = new Int32Array(ACCURACY_THRESHOLDS);
  for (const fold of right) for (let i = 0; i < total.length; i++) total[i]! += fold[i]!;
  return Int32Array.from(right, (fold) => {
    let best = 0;
    for (let i = 1; i < total.length; i++) if (total[i]! - fold[i]! > total[best]! - fold[best]!) best = i;
    return best;
  });
}

function variance(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}
