import type { Command } from 'commander';

import type { VerificationResult } from '../../eval/metrics/verification';
import type { EvaluationRecord } from '../../eval/records/record';
import { exitCodes } from '../exit-codes';
import type { Action } from '../flags';
import { runLongTask, type TaskHooks } from '../long-task';
import { printJson, printText, say } from '../output';
import {
  addModelFlags,
  addOutputFlags,
  intervalText,
  useThreads,
  withModel,
  withoutDraws,
  writeRecords,
  type ModelFlags,
  type OutputFlags,
} from './model';

/** Options of `kappa eval verification`. */
export interface EvalVerificationOptions extends ModelFlags, OutputFlags {
  /** Verification sets (.bin), or folders of them. */
  data: string[];
}

/** Adds `kappa eval verification`. */
export function addVerification(evaluate: Command, action: Action): void {
  const command = evaluate
    .command('verification')
    .description(
      '1:1 face verification on .bin files such as lfw.bin, cfp_fp.bin, agedb_30.bin: accuracy, TAR at FAR, AUC, EER, with 95% intervals',
    )
    .argument('<checkpoint>', "a checkpoint's folder, like runs/base/checkpoints/best")
    .requiredOption('--data <file...>', 'verification sets, or folders of them');
  addOutputFlags(addModelFlags(command)).action(action(evalVerificationCommand));
}

/** `kappa eval verification`: evaluates a checkpoint on verification sets. */
async function evalVerificationCommand(target: string, options: EvalVerificationOptions): Promise<number> {
  const run = await runLongTask('Embedding images', (hooks) => evaluate(target, options, hooks));
  if ('exitCode' in run) return run.exitCode;
  const { folder, results, records, files } = run.result;
  if (options.json) printJson({ results, records: records.map(withoutDraws) });
  else printText(`${folder}\n${await formatResults(results, records)}`.trimEnd());
  for (const file of files) say(`Wrote ${file}`);
  return exitCodes.ok;
}

interface Evaluated {
  folder: string;
  results: VerificationResult[];
  records: EvaluationRecord[];
  files: string[];
}

async function evaluate(
  target: string,
  options: EvalVerificationOptions,
  { signal, onProgress, onMessage }: TaskHooks,
): Promise<Evaluated> {
  const { listSets, readVerificationSet } = await import('../../data/protocols/verification-set');
  const { sizeNote } = await import('../../eval/verification');
  const { embedImages } = await import('../../eval/embed');
  const { recordVerification } = await import('../../eval/verification-record');

  const sets = await listSets(options.data);
  await useThreads(options);
  return withModel(target, options, async (backbone, folder) => {
    const results: VerificationResult[] = [];
    const records: EvaluationRecord[] = [];
    for (const file of sets) {
      const set = await readVerificationSet(file);
      const note = await sizeNote(set, backbone.options.imageSize);
      if (note !== undefined) onMessage(note);
      const embedded = await embedImages(backbone, set.images, {
        batchSize: options.batchSize,
        name: set.name,
        signal,
        onProgress: (done, total) => onProgress(done, total, `Embedding ${set.name}`),
      });
      const { result, record } = recordVerification(set, embedded, { model: folder, data: file });
      results.push(result);
      records.push(record);
    }
    return { folder, results, records, files: await writeRecords(records, options, folder) };
  });
}

async function formatResults(
  results: readonly VerificationResult[],
  records: readonly EvaluationRecord[],
): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number): string => (share * 100).toFixed(2);
  const rows = results.map((r, i) => [
    r.name,
    percent(r.accuracy),
    intervalText(records[i]!, 'accuracy'),
    percent(r.std),
    r.threshold.toFixed(3),
    percent(r.val),
    percent(r.auc),
    percent(r.eer),
    r.xnorm.toFixed(2),
    r.pairs,
  ]);
  const header = [
    'set',
    'accuracy %',
    '95% interval',
    'std',
    'threshold',
    'TAR@FAR=1e-3 %',
    'AUC %',
    'EER %',
    'XNorm',
    'pairs',
  ];
  return formatTable(header, rows);
}
