import { Option, type Command } from 'commander';

import type { IjbName, IjbSet } from '../../data/protocols/ijb';
import type { IjbFeatures, IjbVerificationResult } from '../../eval/ijb/verify';
import type { IjbRule } from '../../eval/metrics/ijb-rules';
import type { IjbIdentificationResult } from '../../eval/ijb/identify';
import type { EvaluationRecord } from '../../eval/records/record';
import { KappaError } from '../../errors';
import { exitCodes } from '../exit-codes';
import type { Action } from '../flags';
import { printJson, printText, say } from '../output';
import { shareWork, type SharedHooks } from '../share-work';
import {
  addModelFlags,
  addOutputFlags,
  useThreads,
  withModel,
  withoutDraws,
  writeRecords,
  type ModelFlags,
  type OutputFlags,
} from './model';

/** Options of `kappa eval ijb`. */
export interface EvalIjbOptions extends ModelFlags, OutputFlags {
  set: IjbName;
  /** Verification of pairs, or identification among galleries. */
  protocol: '1:1' | '1:N';
  /** The folder that has `meta` and `loose_crop`. */
  root: string;
  /** Features of the faces (.npy), instead of a checkpoint. */
  features?: string;
  /** Features of their mirror images (.npy). */
  mirrored?: string;
  norm: 'keep' | 'unit';
  detectorScore: boolean;
  flip: boolean;
  /** Every rule from one embedding of the faces. */
  variants?: boolean;
  /** Folder that keeps the features of the faces. */
  cache?: string;
}

/** Adds `kappa eval ijb`. */
export function addIjb(evaluate: Command, action: Action): void {
  const command = evaluate
    .command('ijb')
    .description(
      'IJB-B and IJB-C by the protocols of insightface: 1:1 verification of templates (TAR at FAR 1e-6 to 1e-1), or 1:N identification (rank 1, 5 and 10, TPIR at FPIR)',
    )
    .argument('[checkpoint]', "a checkpoint's folder or a run; not with --features")
    .addOption(new Option('--set <name>', 'which set').choices(['ijbb', 'ijbc']).makeOptionMandatory())
    .addOption(
      new Option(
        '--protocol <name>',
        'verification of pairs, or identification among the galleries, both ways of it',
      )
        .choices(['1:1', '1:N'])
        .default('1:1'),
    )
    .requiredOption('--root <folder>', 'the folder that has meta and loose_crop')
    .option(
      '--features <file>',
      'features of the faces (.npy), in the order of the set, instead of a checkpoint',
    )
    .option('--mirrored <file>', 'features of the mirror images (.npy), which are added')
    .addOption(
      new Option('--norm <rule>', 'keep the length of an embedding (N0), or bring each to length 1 (N1)')
        .choices(['keep', 'unit'])
        .default('keep'),
    )
    .option('--no-detector-score', 'let every face count alike (D0), whatever the score of its detector (D1)')
    .option('--no-flip', 'leave the mirror images out (F0)')
    .option('--variants', 'all eight rules from one embedding of the faces, by the names of insightface')
    .option(
      '--cache <folder>',
      'keep the features of the faces there: run again to go on where it was interrupted, or with another rule',
    );
  addOutputFlags(addModelFlags(command)).action(action(evalIjbCommand));
}

/** `kappa eval ijb`: evaluates a checkpoint, or features, on IJB-B or IJB-C. */
async function evalIjbCommand(target: string | undefined, options: EvalIjbOptions): Promise<number> {
  if ((target === undefined) === (options.features === undefined))
    throw new KappaError('ERR_USAGE', 'Expected a checkpoint, or --features: one of them.');
  if (options.mirrored !== undefined && options.features === undefined)
    throw new KappaError('ERR_USAGE', '--mirrored goes with --features.');
  if (options.cache !== undefined && options.features !== undefined)
    throw new KappaError('ERR_USAGE', '--cache goes with a checkpoint, not with --features.');
  const run = await shareWork('Embedding faces', { ...options, target }, (hooks) =>
    evaluate(target, options, hooks),
  );
  if ('exitCode' in run) return run.exitCode;
  if (!run.isFirst || run.result === undefined) return exitCodes.ok;
  const { model, set, results, records, files } = run.result;
  const { ijbDifference } = await import('../../data/protocols/ijb');
  const difference = ijbDifference(set);
  if (difference !== undefined) say(difference);
  if (options.json) printJson({ model, data: options.root, results, records: records.map(withoutDraws) });
  else {
    const verified = results.filter((result) => 'points' in result);
    const identified = results.filter((result) => 'legacy' in result);
    const text =
      verified.length > 0
        ? await formatVerification(verified)
        : (await Promise.all(identified.map(formatIdentification))).join('\n\n');
    printText(`${model}\n${text}`.trimEnd());
    printText(await formatIntervals(records));
  }
  for (const file of files) say(`Wrote ${file}`);
  return exitCodes.ok;
}

interface Evaluated {
  model: string;
  set: IjbSet;
  results: (IjbVerificationResult | IjbIdentificationResult)[];
  records: EvaluationRecord[];
  files: string[];
}

async function evaluate(
  target: string | undefined,
  options: EvalIjbOptions,
  hooks: SharedHooks,
): Promise<Evaluated | undefined> {
  const { readIjb } = await import('../../data/protocols/ijb');
  const { readIjbIdentification } = await import('../../data/protocols/ijb-identification');
  const { recordIjbIdentification, recordIjbVerification } = await import('../../eval/ijb/record');
  const { ijbRules } = await import('../../eval/metrics/ijb-rules');
  const { scope } = await import('../../tensor/scope');

  await useThreads(options);
  const { norm, detectorScore, flip } = options;
  const rules: IjbRule[] = options.variants ? ijbRules() : [{ norm, detectorScore, flip }];
  const set = await readIjb(options.set, options.root, hooks);
  const lists = options.protocol === '1:N' ? await readIjbIdentification(set, hooks) : undefined;
  return scope(async () => {
    const found = await featuresOf(target, set, options, hooks);
    // The others have done their share.
    if (found === undefined) return undefined;
    const { model, checkpoint, features } = found;
    const facts = { model, data: options.root };
    const evaluated: Pick<Evaluated, 'results' | 'records'> = { results: [], records: [] };
    for (const rule of rules) {
      if (rule.flip && features.mirrored === undefined && options.variants) continue;
      hooks.onProgress(evaluated.results.length, rules.length, 'Comparing templates');
      const { result, record } = lists
        ? await recordIjbIdentification(set, lists, features, rule, { ...facts, signal: hooks.signal })
        : await recordIjbVerification(set, features, rule, facts);
      evaluated.results.push(result);
      evaluated.records.push(record);
    }
    return { model, set, ...evaluated, files: await writeRecords(evaluated.records, options, checkpoint) };
  });
}

async function featuresOf(
  target: string | undefined,
  set: IjbSet,
  options: EvalIjbOptions,
  hooks: SharedHooks,
): Promise<{ model: string; checkpoint?: string; features: IjbFeatures } | undefined> {
  const { features, mirrored } = options;
  if (features !== undefined) {
    const { readNpy } = await import('../../io/npy');
    const { Tensor } = await import('../../tensor/tensor');
    const read = async (file: string) => {
      const { data, rows, columns } = await readNpy(file);
      return Tensor.from(data, [rows, columns], { copy: false });
    };
    const plain = await read(features);
    return {
      model: features,
      features: { plain, ...(mirrored !== undefined && { mirrored: await read(mirrored) }) },
    };
  }
  const { embedIjb, shareIjb } = await import('../../eval/ijb/embed');
  const { batchSize, cache, precision } = options;
  const { group, device } = hooks;
  return withModel(target!, { device, precision }, async (backbone, checkpoint) => {
    const flip = options.flip || options.variants === true;
    const run = { batchSize, flip, cache, checkpoint, ...hooks };
    if (group !== undefined && group.rank > 0) {
      await shareIjb(backbone, set, { ...run, group });
      return undefined;
    }
    return { model: checkpoint, checkpoint, features: await embedIjb(backbone, set, run) };
  });
}

/** The numbers with their intervals, a line each. */
async function formatIntervals(records: readonly EvaluationRecord[]): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number): string => (100 * share).toFixed(2);
  const rows = records.flatMap(({ set, variant, numbers }) =>
    numbers.flatMap(({ label, value, interval }) =>
      interval
        ? [
            [
              `${set} ${variant} ${label}`,
              percent(value),
              `${percent(interval.low)}-${percent(interval.high)}`,
            ],
          ]
        : [],
    ),
  );
  if (rows.length === 0) return '';
  const { units, draws } = records[0]!.resampling!;
  return `${formatTable(['', '%', '95% interval'], rows)}95% intervals: ${units} people drawn ${draws} times`;
}

async function formatVerification(results: readonly IjbVerificationResult[]): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const first = results[0]!;
  const { counts } = first;
  const number = (value: number): string => value.toLocaleString('en');
  const table = formatTable(
    ['TAR % at FAR', ...first.points.map(({ wanted }) => wanted.toExponential()), 'AUC %'],
    results.map((result) => [
      `${result.set} ${result.variant}`,
      ...result.points.map(({ tar }) => (100 * tar).toFixed(2)),
      (100 * result.auc).toFixed(4),
    ]),
  );
  const facts = `${number(counts.faces)} faces, ${number(counts.templates)} templates, ${number(counts.pairs)} pairs, ${number(counts.genuine)} of them of one person`;
  const protocol =
    results.length === 1
      ? first.protocol
      : 'N0: the length of an embedding kept, N1: length 1; D1: times the detector score; F1: image + mirror image';
  return `${table}\n${facts}\n${protocol}`;
}

async function formatIdentification(result: IjbIdentificationResult): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number): string => (100 * share).toFixed(2);
  const { legacy, corrected, counts } = result;
  const ranks = (shares: Record<number, number>): string[] =>
    [1, 5, 10].map((rank) => percent(shares[rank]!));
  const head = ['rank 1 %', 'rank 5 %', 'rank 10 %'];
  const tpir = (points: readonly { fpir: number }[]): string[] =>
    points.map(({ fpir }) => `TPIR % at FPIR ${fpir >= 0.1 ? fpir : fpir.toExponential()}`);
  const rates = (points: readonly { tpir: number }[]): string[] => points.map((point) => percent(point.tpir));
  const galleries = corrected.galleries.map((gallery, g) => [
    `gallery ${g + 1} (${gallery.mated} probes)`,
    ...ranks(gallery.ranks),
    ...rates(gallery.points),
  ]);
  return [
    `${result.set} ${result.variant}, legacy protocol (both galleries as one, any probe, ijb_1n.py):`,
    formatTable(
      ['', ...head, ...tpir(legacy.points)],
      [['', ...ranks(legacy.ranks), ...rates(legacy.points)]],
    ),
    `${result.set} ${result.variant}, corrected protocol (each gallery by itself, ijb_evals.py):`,
    formatTable(
      ['', ...head, ...tpir(corrected.points)],
      [...galleries, ['mean', ...ranks(corrected.ranks), ...rates(corrected.points)]],
    ),
    `${counts.galleries.join(' + ')} people in the galleries, ${counts.probes.toLocaleString('en')} probes`,
  ].join('\n');
}
