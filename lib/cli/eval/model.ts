import path from 'node:path';
import { Option, type Command } from 'commander';

import type { EvaluationRecord } from '../../eval/records/record';
import type { Backbone } from '../../nn/backbone';
import { JSON_DOC, wholeNumber } from '../flags';

/** How a model is used in an evaluation. */
export interface ModelFlags {
  /** Images in one forward pass. */
  batchSize?: number;
  /** Where the backbone runs: by default where it was trained, or on the CPU where that is not available. */
  device?: string;
  /** Arithmetic of the products: by default that of the training where the device computes it fast, else float32. */
  precision?: 'float32' | 'bfloat16' | 'float16';
  /** Compute threads. By default KAPPA_THREADS, or as many as this process may keep busy. */
  threads?: number;
}

/** What an evaluation leaves. */
export interface OutputFlags {
  /** Folder of the records. */
  out?: string;
  json?: boolean;
}

/** Adds the flags of {@link ModelFlags}. */
export function addModelFlags(command: Command): Command {
  return command
    .option('--batch-size <images>', 'images in one forward pass', wholeNumber)
    .option('--device <device>', 'cpu, cuda or cuda:N; by default where the model was trained')
    .addOption(
      new Option(
        '--precision <name>',
        'arithmetic of the products; by default that of the training where the device computes it fast, else float32',
      ).choices(['float32', 'bfloat16', 'float16']),
    )
    .option(
      '--threads <number>',
      'compute threads (default: KAPPA_THREADS, or as many as this process may keep busy)',
      wholeNumber,
    );
}

/** Adds the flags of {@link OutputFlags}. */
export function addOutputFlags(command: Command): Command {
  return command
    .option(
      '--out <folder>',
      "folder for the evaluation's JSON and Markdown (default: evaluations/ in the model's run; of features none)",
    )
    .option('--json', JSON_DOC);
}

/** Lets as many threads compute as asked for. */
export async function useThreads({ threads }: ModelFlags): Promise<void> {
  const { readEnvironment } = await import('../../env');
  const { setThreads } = await import('../../runtime/settings');
  await setThreads(threads ?? readEnvironment().threads);
}

/**
 * Loads a checkpoint's backbone, and disposes of it in the end.
 *
 * @param target a run, a checkpoint's folder, or checkpoints/best
 * @param use told the folder of the checkpoint
 */
export async function withModel<Result>(
  target: string,
  { device, precision }: ModelFlags,
  use: (backbone: Backbone, folder: string) => Promise<Result>,
): Promise<Result> {
  const { resolveCheckpoint } = await import('../../run/checkpoint');
  const { loadBackbone } = await import('../../run/load-backbone');
  const folder = await resolveCheckpoint(target);
  const backbone = await loadBackbone(folder, { device, precision });
  try {
    return await use(backbone, folder);
  } finally {
    backbone.dispose();
  }
}

/** Writes what was found, where it belongs. @param checkpoint folder of the checkpoint; undefined for features */
export async function writeRecords(
  records: readonly EvaluationRecord[],
  { out }: OutputFlags,
  checkpoint: string | undefined,
): Promise<string[]> {
  const { EVALUATIONS_FOLDER, writeRecord } = await import('../../eval/records/files');
  // RUN/checkpoints/step-00000001
  const folders = checkpoint === undefined ? [] : path.resolve(checkpoint).split(path.sep);
  const isInRun = folders.at(-2) === 'checkpoints';
  const folder = out ?? (isInRun ? path.join(checkpoint!, '..', '..', EVALUATIONS_FOLDER) : undefined);
  if (folder === undefined) return [];
  const files: string[] = [];
  for (const record of records) files.push(await writeRecord(folder, record));
  return files;
}

/** A record as it is printed: the draws of its numbers are for the file alone. */
export function withoutDraws(record: EvaluationRecord): EvaluationRecord {
  return {
    ...record,
    numbers: record.numbers.map(({ draws: _, ...number }) => number),
  };
}

/** The interval of a record's share, in percent. */
export function intervalText({ numbers }: EvaluationRecord, id: string): string {
  const interval = numbers.find((number) => number.id === id)?.interval;
  const percent = (share: number): string => (100 * share).toFixed(2);
  return interval ? `${percent(interval.low)}-${percent(interval.high)}` : '-';
}
