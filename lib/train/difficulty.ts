import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { rankCorrelation } from '../eval/metrics/rank-correlation';
import type { MarginHead } from '../head/margin-head';

/** How well the estimated concentrations find the difficulty that was planted in a synthetic face set. */
export interface DifficultyReport {
  /** Spearman's rank correlation of kappa and difficulty: -1 is perfect, hard classes scatter. */
  rankCorrelation: number;
  /** Classes it was computed over: those with at least `leastImages` images. */
  classes: number;
  leastImages: number;
}

// Two images say next to nothing about how a class scatters.
const LEAST_IMAGES = 3;

/** Compares kappa with the planted difficulty; undefined for sets without one and heads that estimate none. */
export async function reportDifficulty(
  head: MarginHead,
  root: string,
  samplesPerClass: ArrayLike<number>,
): Promise<DifficultyReport | undefined> {
  const text = await readFile(path.join(root, 'identities.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { train } = JSON.parse(text) as { train: { difficulty: number }[] };
  if (train.length !== samplesPerClass.length) return undefined;
  const kappa = await head.concentrations();
  if (kappa === undefined) return undefined;
  const known = train.map((_, i) => i).filter((i) => (samplesPerClass[i] ?? 0) >= LEAST_IMAGES);
  if (known.length < 3) return undefined;
  return {
    rankCorrelation: rankCorrelation(
      known.map((i) => kappa[i] ?? 0),
      known.map((i) => train[i]?.difficulty ?? 0),
    ),
    classes: known.length,
    leastImages: LEAST_IMAGES,
  };
}
