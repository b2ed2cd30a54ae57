import type { RankedSet } from '../distractor-ranks';
import { impostorRoc, tarAtExactFar } from '../metrics/impostor-roc';
import type { OperatingPoint } from '../metrics/pair-roc';
import { cumulativeMatches, readLogLinear, thinned, type Curve } from '../metrics/thinned-curve';
import type { TraditionalRanks } from './traditional';

/** FARs at which MegaFace is reported; the first is the one that tables have. */
const MEGAFACE_FARS = [1e-6, 1e-5, 1e-4] as const;
/** Ranks that are reported. */
export const MEGAFACE_RANKS = [1, 5, 10, 100] as const;

/** Scores of strangers that are sampled for the part of a ROC beyond the largest FAR. */
export const SAMPLED_SCORES = 1 << 24;
/** As many of the largest scores are kept, at least, where there are. */
const LEAST_KEPT = 1 << 17;

/** How many of so many scores are kept as the largest: what twice the largest FAR takes, for draws that move the threshold. */
export function keptScores(total: number): number {
  return Math.min(total, Math.max(LEAST_KEPT, Math.ceil(2 * Math.max(...MEGAFACE_FARS) * total)));
}

/** A curve whole, and as the devkit writes it. */
export interface DevkitCurve {
  readonly thinned: Curve;
  readonly full: Curve;
}

/** What was found among so many distractors. */
export interface MegafaceSizeResult {
  /** The set's size by its name. */
  readonly size: number;
  /** Distractors that were compared: without noisy ones. */
  readonly distractors: number;
  /** Share of pairs whose mate is among the first so many. */
  readonly ranks: Readonly<Record<(typeof MEGAFACE_RANKS)[number], number>>;
  /** TAR at each FAR of 1e-6, 1e-5 and 1e-4, exactly. */
  readonly points: readonly (OperatingPoint & { readonly wanted: number })[];
  /** TAR at FAR 1e-6 as it is customarily read: log-linear between the points of the thinned ROC. */
  readonly customaryTar: number;
  /** Recall over ranks from 0. */
  readonly cmc: DevkitCurve;
  /** TAR over FAR. */
  readonly roc: DevkitCurve;
  /** Recall over ranks from 0 among distractors and one photo of each person. */
  readonly traditional: DevkitCurve;
  /** [P] distractors that are nearer than the mate of each pair. */
  readonly above: Int32Array;
  /** The largest scores of strangers, falling, and their probes. */
  readonly highest: { readonly scores: Float32Array; readonly probes: Int32Array };
  /** All scores of strangers: probes x distractors. */
  readonly impostors: number;
  /** Counts of sampled scores of strangers, in bins of equal width from -1 to 1. */
  readonly histogram: Float64Array;
}

/** @param genuine falling scores of the pairs */
export function sizeResult(
  size: number,
  { above, distractors, impostors }: RankedSet,
  genuine: Float32Array,
  traditional: TraditionalRanks,
): MegafaceSizeResult {
  const both = (full: Curve): DevkitCurve => ({ full, thinned: thinned(full) });
  const roc = both(impostorRoc(genuine, impostors));
  const share = (rank: number): number =>
    above.reduce((hits, n) => hits + (n < rank ? 1 : 0), 0) / above.length;
  const traditionalRanks = Int32Array.from(
    traditional.pairs,
    (pair, i) => above[pair]! + traditional.people[i]!,
  );
  return {
    size,
    distractors,
    ranks: { 1: share(1), 5: share(5), 10: share(10), 100: share(100) },
    points: MEGAFACE_FARS.flatMap((wanted) => {
      const point = tarAtExactFar(genuine, impostors, wanted);
      return point ? [{ wanted, ...point }] : [];
    }),
    customaryTar: readLogLinear(roc.thinned, MEGAFACE_FARS[0]),
    cmc: both(cumulativeMatches(above, distractors)),
    roc,
    traditional: both(cumulativeMatches(traditionalRanks, distractors + traditional.others)),
    above,
    highest: { scores: impostors.highest, probes: impostors.probes },
    impostors: impostors.total,
    histogram: impostors.histogram,
  };
}
