import { contiguousFolds, type Fold } from './folds';

/** The ten-fold rules of the field's verification protocol, on squared distances. */

/** Folds of the protocol: a set needs a pair for each. */
export const FOLD_COUNT = 10;
const LARGEST_THRESHOLD = 4;
/** From one threshold of the accuracy to the next, and how many there are. */
export const ACCURACY_STEP = 0.01;
export const ACCURACY_THRESHOLDS = 400;

/** Pairs of one fold, and how many of them each threshold accepts. */
interface FoldCounts {
  readonly fold: Fold;
  readonly genuine: number;
  readonly impostor: number;
  /** [thresholds] genuine pairs with a distance below the threshold. */
  readonly genuineBelow: Int32Array;
  /** [thresholds] impostor pairs with a distance below the threshold. */
  readonly impostorBelow: Int32Array;
}

/** A fold judged at the threshold that the other nine chose. */
export interface FoldAccuracy {
  readonly threshold: number;
  readonly accuracy: number;
}

/** A fold judged at the threshold at which the other nine have the wanted FAR. */
export interface FoldVal {
  readonly threshold: number;
  /** Share of the fold's genuine pairs accepted; undefined if it has none. */
  readonly val: number | undefined;
  /** Share of the fold's impostor pairs accepted; undefined if it has none. */
  readonly far: number | undefined;
}

/**
 * Accuracy of each fold at the first best of the thresholds 0, step, ... below 4 on the other nine; a pair counts
 * as genuine if its distance is below the threshold.
 *
 * @param distances [P] squared distances
 * @param isSame [P] whether a pair is genuine
 * @param given the folds, where the set has its own. @default ten contiguous ones
 * @throws KappaError ERR_ARGUMENT for fewer than ten pairs
 */
export function foldAccuracies(
  distances: Float64Array,
  isSame: ArrayLike<boolean | number>,
  step = ACCURACY_STEP,
  given?: readonly Fold[],
): FoldAccuracy[] {
  const folds = countFolds(distances, isSame, step, given);
  return folds.map((test) => {
    const others = total(folds.filter((fold) => fold !== test));
    // Whole numbers of right answers are compared, so that equal accuracies are equal.
    let best = 0;
    let bestCorrect = -1;
    for (let i = 0; i < others.genuineBelow.length; i++) {
      const correct = correctAt(others, i);
      if (correct <= bestCorrect) continue;
      best = i;
      bestCorrect = correct;
    }
    return { threshold: best * step, accuracy: correctAt(test, best) / (test.genuine + test.impostor) };
  });
}

/**
 * TAR and FAR of each fold at the threshold where the other nine have the target FAR: thresholds 0, step, ... below
 * 4, linearly interpolated between the two around the target; 0 where no threshold reaches it.
 *
 * @param distances [P] squared distances
 * @param isSame [P] whether a pair is genuine
 * @param given the folds, where the set has its own. @default ten contiguous ones
 * @throws KappaError ERR_ARGUMENT for fewer than ten pairs
 */
export function foldVals(
  distances: Float64Array,
  isSame: ArrayLike<boolean | number>,
  targetFar = 1e-3,
  step = 0.001,
  given?: readonly Fold[],
): FoldVal[] {
  const folds = countFolds(distances, isSame, step, given);
  return folds.map((test) => {
    const others = total(folds.filter((fold) => fold !== test));
    const threshold = thresholdAtFar(others, targetFar, step);
    let genuine = 0;
    let impostor = 0;
    for (let pair = test.fold.start; pair < test.fold.end; pair++) {
      if ((distances[pair] ?? 0) >= threshold) continue;
      if (isSame[pair]) genuine++;
      else impostor++;
    }
    return {
      threshold,
      val: test.genuine === 0 ? undefined : genuine / test.genuine,
      far: test.impostor === 0 ? undefined : impostor / test.impostor,
    };
  });
}

function thresholdAtFar(
  { impostor, impostorBelow }: Omit<FoldCounts, 'fold'>,
  target: number,
  step: number,
): number {
  const far = (i: number): number => (impostor === 0 ? 0 : (impostorBelow[i] ?? 0) / impostor);
  const reached = impostorBelow.findIndex((_, i) => far(i) >= target);
  // Never reached; threshold 0 accepts nothing, so that it can be the first only for a target of 0.
  if (reached <= 0) return 0;
  const [low, high] = [far(reached - 1), far(reached)];
  return (reached - 1) * step + ((target - low) / (high - low)) * step;
}

function countFolds(
  distances: Float64Array,
  isSame: ArrayLike<boolean | number>,
  step: number,
  given: readonly Fold[] = contiguousFolds(distances.length, FOLD_COUNT),
): FoldCounts[] {
  const thresholds = Math.round(LARGEST_THRESHOLD / step);
  return given.map((fold) => {
    const genuineBelow = new Int32Array(thresholds);
    const impostorBelow = new Int32Array(thresholds);
    let genuine = 0;
    for (let pair = fold.start; pair < fold.end; pair++) {
      const first = firstAbove(distances[pair] ?? 0, step);
      if (isSame[pair]) genuine++;
      if (first >= thresholds) continue;
      const counts = isSame[pair] ? genuineBelow : impostorBelow;
      counts[first] = (counts[first] ?? 0) + 1;
    }
    for (const counts of [genuineBelow, impostorBelow])
      for (let i = 1; i < thresholds; i++) counts[i] = (counts[i] ?? 0) + (counts[i - 1] ?? 0);
    return { fold, genuine, impostor: fold.end - fold.start - genuine, genuineBelow, impostorBelow };
  });
}

/** The first i with distance < i * step, by exactly that comparison: a division alone may round to its neighbour. */
export function firstAbove(distance: number, step: number): number {
  let i = Math.max(0, Math.floor(distance / step) - 1);
  while (!(distance < i * step)) i++;
  return i;
}

function total(folds: readonly FoldCounts[]): Omit<FoldCounts, 'fold'> {
  const thresholds = folds[0]?.genuineBelow.length ?? 0;
  const sum = {
    genuine: 0,
    impostor: 0,
    genuineBelow: new Int32Array(thresholds),
    impostorBelow: new Int32Array(thresholds),
  };
  for (const { genuine, impostor, genuineBelow, impostorBelow } of folds) {
    sum.genuine += genuine;
    sum.impostor += impostor;
    for (let i = 0; i < thresholds; i++) {
      sum.genuineBelow[i]! += genuineBelow[i]!;
      sum.impostorBelow[i]! += impostorBelow[i]!;
    }
  }
  return sum;
}

function correctAt(fold: Omit<FoldCounts, 'fold'>, i: number): number {
  return (fold.genuineBelow[i] ?? 0) + fold.impostor - (fold.impostorBelow[i] ?? 0);
}
