import type { PairVerification } from '../metrics/pair-verification';
import { rocCurve } from '../metrics/roc';
import type { ScoredPairs } from '../metrics/scored-pairs';
import type { EvaluationRecord, RecordedCurve, RecordedHistogram, RecordedNumber } from './record';

/** Bins of squared distance, from 0 to 4. */
const BINS = 200;
const CURVE_POINTS = 400;

/** Who is told of in a record: all but its numbers. */
export type RecordHead = Pick<
  EvaluationRecord,
  'benchmark' | 'set' | 'variant' | 'protocol' | 'flags' | 'model' | 'data' | 'counts'
>;

/** A record of an evaluation by folds of pairs. */
export function pairRecord(
  head: RecordHead,
  result: PairVerification,
  pairs: Pick<ScoredPairs, 'distances' | 'isSame'>,
): EvaluationRecord {
  const share = (id: string, label: string, value: number): RecordedNumber => ({
    id,
    label,
    value,
    isShare: true,
  });
  return {
    format: 'kappaface-evaluation',
    version: 1,
    ...head,
    numbers: [
      share('accuracy', 'accuracy', result.accuracy),
      share('std', 'standard deviation of the folds (insightface)', result.std),
      share('standard-error', 'standard error of the mean (official)', result.standardError),
      { id: 'threshold', label: 'threshold', value: result.threshold, isShare: false },
      share('val', 'VAL at FAR 1e-3', result.val),
      share('auc', 'AUC', result.auc),
      share('eer', 'EER', result.eer),
    ],
    curves: [rocRecord(pairs)],
    histograms: histogramsOf(pairs),
    made: new Date().toISOString(),
  };
}

/** The ROC of pairs, thinned to what an eye sees. */
export function rocRecord({ distances, isSame }: Pick<ScoredPairs, 'distances' | 'isSame'>): RecordedCurve {
  const { far, tar } = rocCurve(distances, isSame);
  const kept: number[] = [];
  const step = 1 / CURVE_POINTS;
  for (let i = 0; i < far.length; i++) {
    const last = kept.at(-1);
    const isEnd = i === far.length - 1;
    // FAR is read on a logarithmic axis.
    const moved =
      last === undefined ||
      tar[i]! - tar[last]! >= step ||
      far[i]! >= Math.max(far[last]! * 1.03, far[last]! + 1e-9);
    if (isEnd || moved) kept.push(i);
  }
  return { kind: 'roc', label: 'ROC', x: kept.map((i) => far[i]!), y: kept.map((i) => tar[i]!) };
}

/** How often pairs of one person, and of two, are how far apart. */
export function histogramsOf({
  distances,
  isSame,
}: Pick<ScoredPairs, 'distances' | 'isSame'>): RecordedHistogram[] {
  const edges = Array.from({ length: BINS + 1 }, (_, i) => (4 * i) / BINS);
  return (['genuine', 'impostor'] as const).map((kind) => {
    const counts = new Array<number>(BINS).fill(0);
    for (let i = 0; i < distances.length; i++)
      if ((isSame[i] === 1) === (kind === 'genuine'))
        counts[Math.min(BINS - 1, Math.floor((distances[i]! * BINS) / 4))]!++;
    return { kind, edges, counts, quantity: 'squared distance' };
  });
}
