import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import type { ResolvedConfig } from '../../config/schema';
import { KappaError } from '../../errors';
import type { VerificationResult } from '../../eval/metrics/verification';
import { EVALUATIONS_FOLDER, readRecords } from '../../eval/records/files';
import type { EvaluationRecord } from '../../eval/records/record';
import { CLASS_STATISTICS_FILE, type ClassStatistics } from '../../run/class-statistics';
import { readMetrics, type MetricsRecord } from '../../run/metrics-log';
import { RunFolder } from '../../run/run-folder';
import type { ValidationResult } from '../../run/run-state';

/** Everything that a report shows of a run. */
export interface RunData {
  /** Short, and another one for each run of a report. */
  readonly name: string;
  readonly folder: string;
  /** Undefined for a folder that has evaluations only. */
  readonly config: ResolvedConfig | undefined;
  readonly images: number | undefined;
  readonly classes: number | undefined;
  readonly steps: readonly MetricsRecord[];
  readonly verifications: readonly Verification[];
  readonly statistics: readonly ClassStatistics[];
  readonly result: RunResult | undefined;
  readonly evaluations: readonly EvaluationRecord[];
}

/** The accuracies of a step. */
export interface Verification {
  readonly step: number;
  readonly epoch: number;
  readonly sets: Readonly<Record<string, VerificationResult>>;
}

/** What a report shows of result.json. */
export interface RunResult {
  readonly steps: number;
  readonly skippedSteps: number;
  readonly seconds: number;
  readonly best: ValidationResult | null;
  readonly final: ValidationResult | null;
}

/**
 * Reads what the folders of runs hold; what is not there yet is left out.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND` where there is neither a run nor an evaluation, `ERR_DATA_CORRUPT`,
 *   `ERR_CHECKPOINT`, `ERR_VERSION`, `ERR_IO`
 */
export async function readRuns(folders: readonly string[]): Promise<RunData[]> {
  const runs: RunData[] = [];
  for (const [i, name] of namesOf(folders).entries()) runs.push(await readRun(folders[i]!, name));
  return runs;
}

async function readRun(folder: string, name: string): Promise<RunData> {
  const run = RunFolder.at(folder);
  const has = (file: string): boolean => existsSync(run.path(file));
  const evaluations = [
    ...(await readRecords(run.path(EVALUATIONS_FOLDER))),
    // A folder that --out names has them in itself.
    ...(has('config.json') ? [] : await readRecords(folder)),
  ];
  if (!has('config.json') && evaluations.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${folder} is no run and has no evaluations: give the folder of a run, such as runs/base, or one that kappa eval --out wrote.`,
    );
  const lines = has('metrics.jsonl') ? readMetrics(run.path('metrics.jsonl')) : [];
  const dataset = readJson<{ samples?: number; classes?: number }>(run.path('dataset.json'));
  return {
    ...{ name, folder, evaluations },
    config: has('config.json') ? await run.savedConfig() : undefined,
    images: dataset?.samples,
    classes: dataset?.classes,
    steps: lines.filter((line) => !('verification' in line)),
    verifications: lines.flatMap(({ step, epoch, verification }) =>
      typeof verification === 'object' && verification !== null
        ? [{ step, epoch: Number(epoch), sets: verification as Verification['sets'] }]
        : [],
    ),
    statistics: has(CLASS_STATISTICS_FILE)
      ? (readMetrics(run.path(CLASS_STATISTICS_FILE)) as unknown as ClassStatistics[])
      : [],
    result: readJson<RunResult>(run.path('result.json')),
  };
}

/** Folders by their last part, or by as much of them as tells them apart. */
function namesOf(folders: readonly string[]): string[] {
  const parts = folders.map((folder) => path.resolve(folder).split(path.sep));
  return parts.map((own, i) => {
    for (let length = 1; length < own.length; length++) {
      const name = own.slice(-length).join('/');
      if (parts.every((other, j) => j === i || other.slice(-length).join('/') !== name)) return name;
    }
    return `${own.join('/')} (${i + 1})`;
  });
}

function readJson<T>(file: string): T | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    throw new KappaError('ERR_DATA_CORRUPT', `${file} is damaged: it is not JSON.`, { cause: error });
  }
}
