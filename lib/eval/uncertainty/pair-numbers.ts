import { contiguousFolds } from '../metrics/folds';
import { areaUnderCurve, equalErrorRate, rocCurve } from '../metrics/roc';
import { FOLD_COUNT, foldAccuracies } from '../metrics/ten-fold';
import type { RecordedCurve, RecordedNumber } from '../records/record';
import type { ComparedPairs } from './compared-pairs';
import { bandPoints, errorCurves, logarithmicSteps } from './curves';
import { DrawnNumbers, tarAtFarNames, type LimitedRate } from './drawn-numbers';
import type { DrawOptions } from './draws';
import { influenceOfPairs, type Influence } from './influence';
import { equalErrorDraws } from './rates';
import { countBelow, SortedPairs } from './sorted-pairs';
import { thresholdChoiceFactor } from './threshold-choice';

/** FARs at which the numbers of a set of pairs are told. */
const FARS = [1e-2, 1e-3, 1e-4] as const;

/** Draws for the band of a curve. */
const BAND_DRAWS = 200;

/**
 * The numbers that a set of pairs is quoted by, with draws and intervals: accuracy over ten folds, TAR at FAR, AUC, EER. TAR
 * at a FAR that no accepted impostor stands for has none: nothing tells how far its threshold may move.
 */
export function pairNumbers(pairs: ComparedPairs, options: DrawOptions = {}): RecordedNumber[] {
  const { distances, isSame } = pairs;
  const sorted = new SortedPairs(distances, isSame);
  const numbers = new DrawnNumbers(unitsOf(pairs));
  const { accuracy, isRight } = judgeFolds(pairs);
  const share = sorted.genuine.length / distances.length;
  const choice = pairs.threshold === undefined ? thresholdChoiceFactor(pairs, options.seed) : 1;
  numbers.share(
    'accuracy',
    'Accuracy',
    accuracy,
    ofBoth(pairs, isRight, share, 1 - share).map((value) => choice * value),
  );
  for (const far of FARS) numbers.rateAtLimit(...tarAtFarNames(far), [tarAtFar(pairs, sorted, far)]);
  const roc = rocCurve(distances, isSame);
  numbers.share('auc', 'AUC', areaUnderCurve(roc), ofBoth(pairs, placementsOf(pairs, sorted), 1, 1));
  const equal = equalErrorRate(roc);
  const { influence, limitInfluence } = tarAtFar(pairs, sorted, equal);
  const [ofTar, ofFar] = [numbers.place(influence), numbers.place(limitInfluence)];
  numbers.add('eer', 'EER', equal, (moved) =>
    equalErrorDraws(sorted, equal, { tar: moved[ofTar]!, far: moved[ofFar]! }),
  );
  return numbers.draw(options);
}

/** ROC and DET of a set of pairs, with bands. */
export function pairCurves(
  label: string,
  pairs: ComparedPairs,
  { draws = BAND_DRAWS, ...options }: DrawOptions = {},
): RecordedCurve[] {
  const sorted = new SortedPairs(pairs.distances, pairs.isSame);
  const fars = logarithmicSteps(1 / sorted.impostor.length);
  const numbers = new DrawnNumbers(unitsOf(pairs));
  for (const far of fars) numbers.rateAtLimit(...tarAtFarNames(far), [tarAtFar(pairs, sorted, far)]);
  return errorCurves(label, bandPoints(fars, numbers.draw({ draws, ...options })));
}

function unitsOf({ sides, distances }: ComparedPairs): number {
  return Math.min(sides.units, distances.length);
}

/** TAR where at most a share of impostors is accepted. */
function tarAtFar(pairs: ComparedPairs, sorted: SortedPairs, wanted: number): LimitedRate {
  const threshold = sorted.thresholdAt(wanted);
  const accepted = pairs.distances.map((distance) => Number(distance < threshold));
  const genuine = ofKind(pairs, accepted, true);
  const impostor = ofKind(pairs, accepted, false);
  return {
    value: genuine.mean,
    influence: genuine.influence,
    limit: impostor.mean,
    limitInfluence: impostor.influence,
    wanted,
    rateAt: (limit) => sorted.tarAt(limit),
  };
}

/** The mean over pairs of one kind. */
function ofKind({ isSame, sides }: ComparedPairs, values: ArrayLike<number>, same: boolean) {
  return influenceOfPairs(values, sides, (pair) => Boolean(isSame[pair]) === same);
}

/** The influences on a sum of the means over genuine and impostor pairs, each by its weight. */
function ofBoth(
  pairs: ComparedPairs,
  values: ArrayLike<number>,
  genuine: number,
  impostor: number,
): Influence {
  const others = ofKind(pairs, values, false).influence;
  return ofKind(pairs, values, true).influence.map(
    (value, unit) => genuine * value + impostor * others[unit]!,
  );
}

/** Mean accuracy of the folds, and which pairs were told rightly at their folds' thresholds. */
function judgeFolds({
  distances,
  isSame,
  folds = contiguousFolds(distances.length, FOLD_COUNT),
  threshold,
}: ComparedPairs): { accuracy: number; isRight: Uint8Array } {
  if (threshold !== undefined) {
    const isRight = Uint8Array.from(distances, (distance, pair) =>
      Number(distance < threshold === Boolean(isSame[pair])),
    );
    return { accuracy: isRight.reduce((sum, right) => sum + right, 0) / isRight.length, isRight };
  }
  const judged = foldAccuracies(distances, isSame, undefined, folds);
  const isRight = new Uint8Array(distances.length);
  for (const [f, { start, end }] of folds.entries())
    for (let pair = start; pair < end; pair++)
      isRight[pair] = Number(distances[pair]! < judged[f]!.threshold === Boolean(isSame[pair]));
  return { accuracy: judged.reduce((sum, fold) => sum + fold.accuracy, 0) / judged.length, isRight };
}

/** Of each pair, the share of the other kind that is on the right side of it; its mean over either kind is the AUC. */
function placementsOf(
  { distances, isSame }: ComparedPairs,
  { genuine, impostor }: SortedPairs,
): Float64Array {
  return distances.map((distance, pair) => {
    const others = isSame[pair] ? impostor : genuine;
    const below = countBelow(others, distance);
    let ties = 0;
    while (others[below + ties] === distance) ties++;
    const nearer = (below + ties / 2) / others.length;
    return isSame[pair] ? 1 - nearer : nearer;
  });
}
