import path from 'node:path';

import type { BenchmarkName, EvaluationRecord } from './record';

/** Where a table has nothing. */
export const EMPTY = '–';

/** A table of texts, with what it is of. */
export interface TextTable {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly TextRow[];
  /** Sentences below it. */
  readonly notes: readonly string[];
}

/** A row of a {@link TextTable}; the first cell names it. */
export interface TextRow {
  readonly cells: readonly string[];
  /** Whether it is somebody else's. */
  readonly isPublished: boolean;
}

/** A record with the name that its row bears. */
export interface NamedRecord {
  readonly name: string;
  readonly record: EvaluationRecord;
}

/** The names of models as rows of tables bear them: the run and the step, or the file of features. */
export function nameOfModel(model: string): string {
  const parts = path
    .normalize(model)
    .split(path.sep)
    .filter((part) => part !== '');
  const step = /^step-0*(\d+)$/.exec(parts.at(-1) ?? '')?.[1];
  if (parts.at(-2) === 'checkpoints' && parts.length > 2)
    return step === undefined ? parts.at(-3)! : `${parts.at(-3)} (step ${step})`;
  return parts.at(-1) ?? model;
}

/** What the benchmarks are called. */
export const benchmarkTitles: Readonly<Record<BenchmarkName, string>> = {
  verification: 'Verification',
  lfw: 'LFW, official protocol',
  ytf: 'YouTube Faces',
  'ijb-verification': 'IJB 1:1 verification',
  'ijb-identification': 'IJB 1:N identification',
  megaface: 'MegaFace',
  groups: 'Groups of people',
};

/** A set's name, with the rule where there are several. */
export function nameOfSet({ set, variant }: EvaluationRecord): string {
  return variant === undefined ? set : `${set} ${variant}`;
}
