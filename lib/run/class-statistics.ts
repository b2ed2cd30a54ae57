import type { MetricsRecord } from './metrics-log';

/** The file of a run that has a line of {@link ClassStatistics} an epoch. */
export const CLASS_STATISTICS_FILE = 'margins.jsonl';

/** How many classes have which value. The bins are the same in every epoch and run; empty ones at both ends are left out. */
export interface ValueHistogram {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  /** [bins + 1], ascending. */
  readonly edges: readonly number[];
  /** [bins] */
  readonly counts: readonly number[];
}

/** How concentrations and margins are spread over the classes. */
export interface ClassValues {
  readonly classes: number;
  /** Concentration kappa. */
  readonly kappa: ValueHistogram;
  /** Margins in force from now on: radians. */
  readonly margin: ValueHistogram;
  /** Some classes one by one. */
  readonly sample: {
    /** Classes 0, every, 2 every, ... */
    readonly every: number;
    /** Images in the training set. */
    readonly images: readonly number[];
    readonly kappa: readonly number[];
    readonly margin: readonly number[];
  };
}

/** What is known of the classes at the end of an epoch. */
export interface ClassStatistics extends ClassValues, MetricsRecord {
  /** Epochs done. */
  readonly epoch: number;
}

/** Bins of a kind of value: bin i holds what lies from edges[i] to below edges[i + 1], the outer ones also what lies beyond. */
export interface Bins {
  readonly edges: readonly number[];
  indexOf(value: number): number;
}

const MARGIN_BIN = 0.005;
const MARGIN_BINS = 320;
const KAPPA_BINS_PER_OCTAVE = 8;
const KAPPA_LOWEST_OCTAVE = -4;
const KAPPA_OCTAVES = 28;
const KAPPA_BINS = KAPPA_BINS_PER_OCTAVE * KAPPA_OCTAVES;

const rounded = (value: number): number => Number(value.toPrecision(5));
const within = (index: number, bins: number): number => Math.min(bins - 1, Math.max(0, index));

/** 0.005 radians each, from 0 to 1.6. */
export const marginBins: Bins = {
  edges: Array.from({ length: MARGIN_BINS + 1 }, (_, i) => rounded(i * MARGIN_BIN)),
  // A value on an edge, as float32 has it, must not fall below.
  indexOf: (margin) => within(Math.floor(margin / MARGIN_BIN + 1e-4), MARGIN_BINS),
};

/** 0, and eight an octave from 1/16 to 2^24. */
export const kappaBins: Bins = {
  edges: [
    0,
    ...Array.from({ length: KAPPA_BINS + 1 }, (_, i) =>
      rounded(2 ** (KAPPA_LOWEST_OCTAVE + i / KAPPA_BINS_PER_OCTAVE)),
    ),
  ],
  indexOf: (kappa) =>
    kappa <= 0
      ? 0
      : within(
          Math.floor((Math.log2(kappa) - KAPPA_LOWEST_OCTAVE) * KAPPA_BINS_PER_OCTAVE) + 1,
          KAPPA_BINS + 1,
        ),
};

/** The histogram without its empty ends. */
export function trimmed(
  { edges }: Bins,
  counts: ArrayLike<number>,
  { min, mean, max }: { min: number; mean: number; max: number },
): ValueHistogram {
  const all = Array.from(counts);
  const first = Math.max(
    0,
    all.findIndex((count) => count > 0),
  );
  const last = all.findLastIndex((count) => count > 0);
  return {
    min: rounded(min),
    mean: rounded(mean),
    max: rounded(max),
    edges: edges.slice(first, last + 2),
    counts: all.slice(first, last + 1),
  };
}
