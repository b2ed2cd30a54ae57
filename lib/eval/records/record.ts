/** Which benchmark a record is of. */
export type BenchmarkName =
  'verification' | 'lfw' | 'ytf' | 'ijb-verification' | 'ijb-identification' | 'megaface' | 'groups';

/** An interval of confidence. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** What a benchmark is drawn from anew, again and again, to see how much its numbers would move. */
export interface Resampling {
  /** What is drawn with replacement: people, templates, probes. */
  readonly unit: 'identities' | 'templates' | 'probes';
  /** How many of them there are. */
  readonly units: number;
  readonly draws: number;
  readonly seed: number;
  /** Of the pairs and whose they are: two records with the same one were drawn alike, so that their draws are paired. */
  readonly fingerprint: string;
}

/** A number that a benchmark is quoted by. */
export interface RecordedNumber {
  /** Stable: `accuracy`, `tar@far=1e-4`, `rank-1`, `tpir@fpir=0.01`; of a part of the benchmark after a `/`. */
  readonly id: string;
  /** For people: `TAR at FAR 1e-4`. */
  readonly label: string;
  /** Rates are shares from 0 to 1. */
  readonly value: number;
  /** Whether it is a share, which people read as a percentage. */
  readonly isShare: boolean;
  /** Where 95% of such benchmarks would have it. */
  readonly interval?: Interval;
  /** [draws] the number in each draw. */
  readonly draws?: readonly number[];
}

/** A curve, thinned to what an eye sees. */
export interface RecordedCurve {
  /** ROC: TAR over FAR. DET: FNMR over FMR, or FNIR over FPIR. CMC: hits over rank. */
  readonly kind: 'roc' | 'det' | 'cmc';
  readonly label: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** The band about y that holds 95% of such benchmarks. */
  readonly low?: readonly number[];
  readonly high?: readonly number[];
}

/** How often which similarity was seen. */
export interface RecordedHistogram {
  readonly kind: 'genuine' | 'impostor';
  /** [bins + 1], ascending. */
  readonly edges: readonly number[];
  /** [bins] */
  readonly counts: readonly number[];
  /** What is counted: cosine similarity, or squared distance. */
  readonly quantity: 'cosine' | 'squared distance';
}

/** A pair that was told wrongly, or nearly so. */
export interface RecordedPair {
  /** Where each of the two pictures is: a path below the data, or a number in the set. */
  readonly first: string;
  readonly second: string;
  readonly isSame: boolean;
  /** In the quantity of the histograms. */
  readonly score: number;
}

/** An evaluation as it is kept on disk and shown: what was asked, what was found, and how sure that is. */
export interface EvaluationRecord {
  readonly format: 'kappaface-evaluation';
  readonly version: 1;
  readonly benchmark: BenchmarkName;
  /** The set's name: `lfw`, `ijbc`. */
  readonly set: string;
  /** The rule's name among several, like insightface's `N0D1F1`; part of the file's name. */
  readonly variant?: string;
  /** The rules that were followed, in words. */
  readonly protocol: string;
  /** Flags that change the result, by their names. */
  readonly flags: Readonly<Record<string, string | number | boolean>>;
  /** The checkpoint, or the file of features. */
  readonly model: string;
  /** The data, as it was given. */
  readonly data: string;
  /** What was found there: faces, pairs, probes, noise lines matched. */
  readonly counts: Readonly<Record<string, number>>;
  /** In the order in which people quote them. */
  readonly numbers: readonly RecordedNumber[];
  readonly resampling?: Resampling;
  readonly curves: readonly RecordedCurve[];
  readonly histograms: readonly RecordedHistogram[];
  /** The hardest first. */
  readonly hardest?: readonly RecordedPair[];
  /** ISO 8601. */
  readonly made: string;
}
