import type { RankGroup } from '../distributed/rank-group';
import type { MarginHead } from '../head/margin-head';
import {
  kappaBins,
  marginBins,
  trimmed,
  type Bins,
  type ClassValues,
  type ValueHistogram,
} from '../run/class-statistics';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';

/** Classes that are kept one by one. */
const SAMPLE = 2000;
const DIGITS = 4;

/**
 * How concentrations and margins are spread over the classes, for heads that estimate them. All ranks call it together: each
 * counts its own classes, and only counts, sums and the classes of the sample are exchanged.
 *
 * @returns undefined where there is nothing to tell yet
 */
export async function classStatistics(
  head: MarginHead,
  samplesPerClass: ArrayLike<number>,
): Promise<ClassValues | undefined> {
  const { numClasses, classes, group, ownConcentrations } = head;
  if (ownConcentrations === undefined) return undefined;
  const [kappa, margin] = [await ownConcentrations.toArray(), await head.margins.toArray()];
  const every = Math.ceil(numClasses / SAMPLE);
  const sampled = Array.from({ length: Math.ceil(numClasses / every) }, (_, i) => i * every);
  const ofSample = (own: readonly number[]): number[] => sampled.map((c) => own[c - classes.first] ?? 0);

  const sums = [
    ...counted(kappaBins, kappa),
    ...counted(marginBins, margin),
    ...[sum(kappa), sum(margin)],
    ...ofSample(kappa),
    ...ofSample(margin),
  ];
  const bounds = [...boundsOf(kappa), ...boundsOf(margin)];
  const [total, [kappaLow, kappaHigh, marginLow, marginHigh]] = [
    await over(group, sums, 'sum'),
    await over(group, bounds, 'minimum'),
  ] as [number[], [number, number, number, number]];

  const take = (length: number): number[] => total.splice(0, length);
  const counts = [take(kappaBins.edges.length - 1), take(marginBins.edges.length - 1)] as const;
  const [kappaSum, marginSum] = take(2) as [number, number];
  const histogram = (
    bins: Bins,
    bin: readonly number[],
    [low, sum, high]: readonly [number, number, number],
  ): ValueHistogram => trimmed(bins, bin, { min: low, mean: sum / numClasses, max: -high });
  return {
    classes: numClasses,
    kappa: histogram(kappaBins, counts[0], [kappaLow, kappaSum, kappaHigh]),
    margin: histogram(marginBins, counts[1], [marginLow, marginSum, marginHigh]),
    sample: {
      every,
      images: sampled.map((c) => samplesPerClass[c] ?? 0),
      kappa: take(sampled.length).map(short),
      margin: take(sampled.length).map(short),
    },
  };
}

function counted({ edges, indexOf }: Bins, values: readonly number[]): number[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  for (const value of values) counts[indexOf(value)]! += 1;
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The least value, and minus the largest: one reduction finds both. */
function boundsOf(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.min(high, -value)],
    [Infinity, Infinity],
  );
}

function over(
  group: RankGroup | undefined,
  values: readonly number[],
  operation: 'sum' | 'minimum',
): Promise<number[]> {
  if (group === undefined) return Promise.resolve([...values]);
  return scope(async () => {
    const all = await Tensor.from(Float64Array.from(values));
    await group.allReduce(all, operation);
    return all.toArray();
  });
}

function short(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
