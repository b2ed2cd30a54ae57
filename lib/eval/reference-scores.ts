import { KappaError } from '../errors';
import type { EvaluationRecord, RecordedHistogram } from './records/record';

/** Known pairs that the distance of another pair is held against. */
export interface ReferenceScores {
  /** Where they come from, for people. */
  readonly source: string;
  readonly genuine: number;
  readonly impostor: number;
  /** The share of pairs of two people that are at least as near as this squared distance. */
  impostorsWithin(distance: number): number;
  /** The share of pairs of one person that are further apart. */
  genuineBeyond(distance: number): number;
}

/**
 * Known pairs by their squared distances.
 *
 * @throws KappaError `ERR_ARGUMENT` without pairs of both kinds
 */
export function referenceOfPairs(
  distances: ArrayLike<number>,
  isSame: ArrayLike<boolean | number>,
  source: string,
): ReferenceScores {
  const [genuine, impostor]: [number[], number[]] = [[], []];
  for (let i = 0; i < distances.length; i++) (isSame[i] ? genuine : impostor).push(distances[i]!);
  mustHaveBoth(genuine.length, impostor.length, source);
  const within = (values: readonly number[], distance: number): number =>
    values.filter((value) => value <= distance).length;
  return {
    source,
    genuine: genuine.length,
    impostor: impostor.length,
    impostorsWithin: (distance) => within(impostor, distance) / impostor.length,
    genuineBeyond: (distance) => 1 - within(genuine, distance) / genuine.length,
  };
}

/**
 * Known pairs by the histograms of an evaluation. Within a bin pairs are taken to be spread evenly.
 *
 * @returns undefined where it has no histograms of both kinds
 */
export function referenceOfRecord(record: EvaluationRecord): ReferenceScores | undefined {
  const find = (kind: 'genuine' | 'impostor'): RecordedHistogram | undefined =>
    record.histograms.find((histogram) => histogram.kind === kind);
  const [genuine, impostor] = [find('genuine'), find('impostor')];
  const total = (histogram: RecordedHistogram | undefined): number =>
    histogram?.counts.reduce((sum, count) => sum + count, 0) ?? 0;
  const [genuines, impostors] = [total(genuine), total(impostor)];
  if (!genuine || !impostor || genuines === 0 || impostors === 0) return undefined;
  return {
    source: `${record.set}, evaluated ${record.made.slice(0, 10)} with ${record.model}`,
    genuine: genuines,
    impostor: impostors,
    impostorsWithin: (distance) => countWithin(impostor, distance) / impostors,
    genuineBeyond: (distance) => 1 - countWithin(genuine, distance) / genuines,
  };
}

/** How many pairs of a histogram are at least as near as a squared distance. */
function countWithin({ edges, counts, quantity }: RecordedHistogram, distance: number): number {
  const isCosine = quantity === 'cosine';
  const value = isCosine ? 1 - distance / 2 : distance;
  let below = 0;
  let all = 0;
  for (const [i, count] of counts.entries()) {
    const [low, high] = [edges[i]!, edges[i + 1]!];
    const share = high > low ? (value - low) / (high - low) : Number(value >= low);
    below += count * Math.min(1, Math.max(0, share));
    all += count;
  }
  return isCosine ? all - below : below;
}

function mustHaveBoth(genuine: number, impostor: number, source: string): void {
  if (genuine > 0 && impostor > 0) return;
  throw new KappaError(
    'ERR_ARGUMENT',
    `Expected pairs of one person and of two in ${source} but received ${genuine} and ${impostor}.`,
  );
}
