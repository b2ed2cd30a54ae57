import type { Command } from 'commander';

import type { VerificationResult } from '../../eval/metrics/verification';
import type { EvaluationRecord } from '../../eval/records/record';
import { KappaError } from '../../errors';
import { exitCodes } from '../exit-codes';
import type { Action } from '../flags';
import { printJson, printText, say } from '../output';
import { shareWork, type SharedHooks } from '../share-work';
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
  /** Features of the images of the one set (.npy), and of their mirror images. */
  features?: string;
  mirrored?: string;
}

/** Adds `kappa eval verification`. */
export function addVerification(evaluate: Command, action: Action): void {
  const command = evaluate
    .command('verification')
    .description(
      '1:1 face verification on .bin files such as lfw.bin, cfp_fp.bin, agedb_30.bin: accuracy, TAR at FAR, AUC, EER, with 95% intervals',
    )
    .argument('[checkpoint]', "a checkpoint's folder, like runs/base/checkpoints/best; not with --features")
    .requiredOption('--data <file...>', 'verification sets, or folders of them')
    .option(
      '--features <file>',
      'features of the images of a set (.npy), in its order, instead of a checkpoint',
    )
    .option('--mirrored <file>', 'features of the mirror images (.npy), which are added');
  addOutputFlags(addModelFlags(command)).action(action(evalVerificationCommand));
}

/** `kappa eval verification`: evaluates a checkpoint on verification sets. */
async function evalVerificationCommand(
  target: string | undefined,
  options: EvalVerificationOptions,
): Promise<number> {
  if ((target === undefined) === (options.features === undefined))
    throw new KappaError('ERR_USAGE', 'Expected a checkpoint, or --features: one of them.');
  if (options.mirrored !== undefined && options.features === undefined)
    throw new KappaError('ERR_USAGE', '--mirrored goes with --features.');
  const run = await shareWork('Embedding images', { ...options, target }, (hooks) =>
    evaluate(target, options, hooks),
  );
  if ('exitCode' in run) return run.exitCode;
  if (!run.isFirst) return exitCodes.ok;
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
  target: string | undefined,
  options: EvalVerificationOptions,
  { signal, onProgress, onMessage, group, device }: SharedHooks,
): Promise<Evaluated> {
  const { listSets, readVerificationSet } = await import('../../data/protocols/verification-set');
  const sets = await listSets(options.data);
  if (target === undefined) return evaluateFeatures(sets, options.features!, options);
  const { sizeNote } = await import('../../eval/verification');
  const { embedImages } = await import('../../eval/embed');
  const { recordVerification } = await import('../../eval/verification-record');
  await useThreads(options);
  return withModel(target, { ...options, device }, async (backbone, folder) => {
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
        group,
        onProgress: (done, total) => onProgress(done, total, `Embedding ${set.name}`),
      });
      const facts = { model: folder, data: file, flags: { flip: true } };
      const { result, record } = recordVerification(set, embedded, facts);
      results.push(result);
      records.push(record);
    }
    // All ranks have the same; one writes it.
    const isFirst = group === undefined || group.rank === 0;
    const files = isFirst ? await writeRecords(records, options, folder) : [];
    return { folder, results, records, files };
  });
}

/** A set by features that are there already. */
async function evaluateFeatures(
  sets: readonly string[],
  features: string,
  options: EvalVerificationOptions,
): Promise<Evaluated> {
  const { readVerificationSet } = await import('../../data/protocols/verification-set');
  const { readSetFeatures } = await import('../../eval/set-features');
  const { recordVerification } = await import('../../eval/verification-record');
  const [file, ...others] = sets;
  if (others.length > 0)
    throw new KappaError('ERR_USAGE', `--features are of one set, but --data has ${sets.length}.`);
  const set = await readVerificationSet(file!);
  const embedded = await readSetFeatures(set, { features, mirrored: options.mirrored });
  const facts = { model: features, data: file!, flags: { flip: options.mirrored !== undefined } };
  const { result, record } = recordVerification(set, embedded, facts);
  const files = await writeRecords([record], options, undefined);
  return { folder: features, results: [result], records: [record], files };
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
