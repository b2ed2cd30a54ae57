import type { OperatingPoint } from './pair-roc';
import type { Curve } from './thinned-curve';

/** Bins of {@link ImpostorScores.histogram} over cosines from -1 to 1. */
export const SCORE_BINS = 8192;

/** What is known of billions of scores of strangers. */
export interface ImpostorScores {
  /** How many there are. */
  readonly total: number;
  /** The largest ones, falling: all of them that are so large, or all there are. */
  readonly highest: Float32Array;
  /** [SCORE_BINS] counts of the scores that were sampled; bin b begins at -1 + 2 b / SCORE_BINS. */
  readonly histogram: Float64Array;
}

/** The bin of a score. */
export function scoreBin(score: number): number {
  return Math.min(SCORE_BINS - 1, Math.max(0, Math.floor(((score + 1) * SCORE_BINS) / 2)));
}

/** How many of falling numbers are at least a threshold, or above it. */
export function countFrom(falling: Float32Array, threshold: number, isStrict = false): number {
  let [low, high] = [0, falling.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = falling[middle]!;
    if (isStrict ? value > threshold : value >= threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * TAR at a FAR, exactly: the threshold is the (FAR total)-th largest score of strangers, and pairs of one person with at
 * least that score are accepted. Where that is less than one score, no stranger is let in.
 *
 * @param genuine falling scores of pairs of one person
 * @returns undefined where not so many of the largest scores are known
 */
export function tarAtExactFar(
  genuine: Float32Array,
  { total, highest }: ImpostorScores,
  far: number,
): OperatingPoint | undefined {
  // 1e-6 of 3.53e9 is 3529.9999999999995 here.
  const accepted = Math.floor(far * total * (1 + 1e-12));
  if (accepted > highest.length || highest.length === 0) return undefined;
  const threshold = highest[Math.max(0, accepted - 1)]!;
  const isStrict = accepted === 0;
  return {
    tar: countFrom(genuine, threshold, isStrict) / genuine.length,
    far: countFrom(highest, threshold, isStrict) / total,
    threshold,
  };
}

/**
 * The ROC of pairs of one person against strangers: a point at each score of a pair of one person that is as large as the
 * largest scores of strangers that are known, and from there on one at each bin, by the sampled scores.
 *
 * @param genuine falling scores of pairs of one person
 */
export function impostorRoc(genuine: Float32Array, impostors: ImpostorScores): Curve {
  const { total, highest, histogram } = impostors;
  const [x, y] = [[0], [0]];
  const add = (far: number, tar: number): void => {
    x.push(Math.max(far, x.at(-1)!));
    y.push(tar);
  };
  const isAll = highest.length === total;
  // The least of the largest scores may have equals that were not kept.
  const floor = isAll || highest.length === 0 ? (isAll ? -Infinity : Infinity) : highest.at(-1)!;
  let i = 0;
  while (i < genuine.length && genuine[i]! > floor) {
    const score = genuine[i]!;
    while (i < genuine.length && genuine[i] === score) i++;
    add(countFrom(highest, score) / total, i / genuine.length);
  }
  if (!isAll) {
    const sampled = histogram.reduce((sum, count) => sum + count, 0);
    let above = 0;
    const from = floor === Infinity ? SCORE_BINS : scoreBin(floor);
    for (let bin = SCORE_BINS - 1; bin >= 0 && sampled > 0; bin--) {
      above += histogram[bin]!;
      if (bin > from) continue;
      const tar = countFrom(genuine, -1 + (2 * bin) / SCORE_BINS) / genuine.length;
      add(above / sampled, Math.max(tar, y.at(-1)!));
    }
  }
  if (x.at(-1) !== 1 || y.at(-1) !== 1) add(1, 1);
  return { x, y };
}
