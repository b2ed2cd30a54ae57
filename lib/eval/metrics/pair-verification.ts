import { contiguousFolds, type Fold } from './folds';
import { areaUnderCurve, equalErrorRate, rocCurve, tarAtFar } from './roc';
import type { ScoredPairs } from './scored-pairs';
import { FOLD_COUNT, foldAccuracies, foldVals } from './ten-fold';

/** What pairs say of a model, by folds. Rates are shares from 0 to 1. */
export interface PairVerification {
  /** Mean accuracy over the folds, each at the threshold that is best on the others. */
  readonly accuracy: number;
  /** Population standard deviation of the folds' accuracies: what insightface prints. */
  readonly std: number;
  /** Sample deviation (ddof 1) divided by the root of their number: the official standard error of the mean. */
  readonly standardError: number;
  readonly foldAccuracies: readonly number[];
  /** The folds. */
  readonly folds: readonly Fold[];
  /** Mean of the folds' thresholds, in squared distance. */
  readonly threshold: number;
  /** Mean TAR over the folds, at the threshold whose FAR on the others is 1e-3; its spread; the FAR that came of it. */
  readonly val: number;
  readonly valStd: number;
  readonly far: number;
  readonly auc: number;
  readonly eer: number;
  readonly tarAtFar: { readonly '1e-2': number; readonly '1e-3': number };
  readonly pairs: number;
  readonly genuine: number;
}

/**
 * Verification of pairs by folds: thresholds 0, 0.01 ... 3.99, the first best on the other folds; VAL at FAR 1e-3.
 *
 * @param folds the set's own. @default ten contiguous ones
 * @throws KappaError `ERR_ARGUMENT` for too few pairs, or of one kind only
 */
export function verifyPairs(
  { distances, isSame }: { distances: Float64Array; isSame: ArrayLike<boolean | number> },
  folds: readonly Fold[] = contiguousFolds(distances.length, FOLD_COUNT),
): PairVerification {
  const roc = rocCurve(distances, isSame);
  const judged = foldAccuracies(distances, isSame, undefined, folds);
  const accuracies = judged.map((fold) => fold.accuracy);
  const atFar = foldVals(distances, isSame, undefined, undefined, folds);
  const vals = atFar.flatMap(({ val }) => val ?? []);
  const std = deviation(accuracies);
  return {
    accuracy: mean(accuracies),
    std,
    standardError: std / Math.sqrt(accuracies.length - 1),
    foldAccuracies: accuracies,
    folds,
    threshold: mean(judged.map(({ threshold }) => threshold)),
    val: mean(vals),
    valStd: deviation(vals),
    far: mean(atFar.flatMap(({ far }) => far ?? [])),
    auc: areaUnderCurve(roc),
    eer: equalErrorRate(roc),
    tarAtFar: { '1e-2': tarAtFar(roc, 1e-2), '1e-3': tarAtFar(roc, 1e-3) },
    pairs: distances.length,
    genuine: Array.from(isSame).filter(Boolean).length,
  };
}

/** The best threshold of some pairs, and the share that it tells rightly: the first best of 0, 0.01 ... 3.99. */
export function bestThreshold({ distances, isSame }: Pick<ScoredPairs, 'distances' | 'isSame'>): {
  threshold: number;
  accuracy: number;
} {
  let best = { threshold: 0, accuracy: -1 };
  for (let i = 0; i < 400; i++) {
    const accuracy = accuracyAt({ distances, isSame }, i * 0.01);
    if (accuracy > best.accuracy) best = { threshold: i * 0.01, accuracy };
  }
  return best;
}

/** The share of pairs that are told rightly where those below a threshold count as one person's. */
export function accuracyAt(
  { distances, isSame }: Pick<ScoredPairs, 'distances' | 'isSame'>,
  threshold: number,
): number {
  let right = 0;
  for (let i = 0; i < distances.length; i++) if (distances[i]! < threshold === (isSame[i] === 1)) right++;
  return right / distances.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Population standard deviation. */
function deviation(values: readonly number[]): number {
  const center = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - center) ** 2)));
}
