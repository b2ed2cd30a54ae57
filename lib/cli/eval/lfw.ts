import type { Command } from 'commander';

import type { EvaluationRecord } from '../../eval/records/record';
import type { LfwResult } from '../../eval/lfw';
import { exitCodes } from '../exit-codes';
import type { Action } from '../flags';
import { count, printJson, printText, say } from '../output';
import { shareWork } from '../share-work';
import { addFeatureFlags, withFeatures, type FeatureFlags } from './features';
import {
  addModelFlags,
  addOutputFlags,
  intervalText,
  withoutDraws,
  writeRecords,
  type OutputFlags,
} from './model';

/** Options of `kappa eval lfw`. */
export interface EvalLfwOptions extends FeatureFlags, OutputFlags {
  pairs: string;
  trainPairs?: string;
}

/** Adds `kappa eval lfw`. */
export function addLfw(evaluate: Command, action: Action): void {
  const command = evaluate
    .command('lfw')
    .description(
      "LFW from its official folder and pairs.txt, by the folds that are given there: insightface's spread and the official standard error",
    )
    .argument('[checkpoint]', "a checkpoint's folder or a run; not with --features")
    .requiredOption('--pairs <file>', "pairs.txt, pairsDevTest.txt, or a list of LFW's form")
    .option(
      '--train-pairs <file>',
      'pairsDevTrain.txt: the threshold is chosen there, for a list without folds',
    );
  addFeatureFlags(command, 'folder that has a folder for each person').option(
    '--no-flip',
    'leave the mirror images out',
  );
  addOutputFlags(addModelFlags(command)).action(action(evalLfwCommand));
}

/** `kappa eval lfw`: evaluates a checkpoint, or features, by LFW's lists of pairs. */
async function evalLfwCommand(target: string | undefined, options: EvalLfwOptions): Promise<number> {
  const run = await shareWork('Embedding faces', { ...options, target }, async (hooks) => {
    const { readPairList } = await import('../../data/protocols/pair-list');
    const { evaluateLfw, pairFiles } = await import('../../eval/lfw');
    const list = await readPairList(options.pairs);
    const train = options.trainPairs === undefined ? undefined : await readPairList(options.trainPairs);
    const files = async () => ({
      name: 'lfw',
      files: await pairFiles(options.root!, train ? [list, train] : [list]),
    });
    return withFeatures(target, options, hooks, files, (features) => evaluateLfw(features, list, train));
  });
  if ('exitCode' in run) return run.exitCode;
  if (!run.isFirst) return exitCodes.ok;
  const { result, model, checkpoint } = run.result;
  const flags = await flagsOf(options);
  const record = await recordOf(result, model, options, flags);
  const files = await writeRecords([record], options, checkpoint);
  const { scored: _, people: __, names: ___, ...shown } = result;
  if (options.json) printJson({ model, data: record.data, flags, ...shown, record: withoutDraws(record) });
  else printText(await formatLfw(result, model, flags, record));
  for (const file of files) say(`Wrote ${file}`);
  return exitCodes.ok;
}

/** What changes the result. */
async function flagsOf(options: EvalLfwOptions): Promise<Record<string, string | boolean>> {
  if (options.features !== undefined) return { mirrored: options.mirrored !== undefined };
  const { describeCut } = await import('../../eval/named-features');
  const { landmarks, crop = 'centre', flip = true } = options;
  const cut = landmarks === undefined ? describeCut({ crop }) : 'align5pt';
  return { crop: cut, flip };
}

async function recordOf(
  { scored, folds, single, names, protocol, counts }: LfwResult,
  model: string,
  options: EvalLfwOptions,
  flags: Record<string, string | boolean>,
): Promise<EvaluationRecord> {
  const path = await import('node:path');
  const { foldNumbers, recordPairs } = await import('../../eval/records/pairs');
  const { sidesOfScored } = await import('../../eval/uncertainty/compared-pairs');
  const { name } = path.parse(options.pairs);
  const { distances, isSame } = scored;
  const judged = folds ? { folds: folds.folds } : { threshold: single!.threshold };
  return recordPairs(
    { distances, isSame, sides: sidesOfScored(scored), ...judged },
    {
      benchmark: 'lfw',
      set: 'lfw',
      ...(name !== 'pairs' && { variant: name }),
      ...{ protocol, flags, model, counts },
      data: options.root ?? options.index ?? '',
      others: folds
        ? foldNumbers(folds)
        : [{ id: 'threshold', label: 'threshold', value: single!.threshold, isShare: false }],
      nameOf: (pair, side) => names[pair]![side],
    },
  );
}

async function formatLfw(
  { folds, single, auc, eer, counts, protocol }: LfwResult,
  model: string,
  flags: Record<string, string | boolean>,
  record: EvaluationRecord,
): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number): string => (100 * share).toFixed(2);
  const table = folds
    ? formatTable(
        [
          'set',
          'accuracy %',
          '95% interval',
          '+- std (insightface)',
          '+- standard error (official)',
          'threshold',
          'TAR@FAR=1e-3 %',
          'AUC %',
          'EER %',
        ],
        [
          [
            'lfw',
            percent(folds.accuracy),
            intervalText(record, 'accuracy'),
            percent(folds.std),
            percent(folds.standardError),
            folds.threshold.toFixed(3),
            percent(folds.val),
            percent(auc),
            percent(eer),
          ],
        ],
      )
    : formatTable(
        ['set', 'accuracy %', '95% interval', 'threshold', 'chosen on', 'AUC %', 'EER %'],
        [
          [
            'lfw',
            percent(single!.accuracy),
            intervalText(record, 'accuracy'),
            single!.threshold.toFixed(2),
            `${single!.chosenOn} (${count(single!.chosenPairs)})`,
            percent(auc),
            percent(eer),
          ],
        ],
      );
  const facts = `${count(counts.images)} images of ${count(counts.people)} people, ${count(counts.pairs)} pairs, ${count(counts.genuine)} of them of one person`;
  const said = Object.entries(flags).map(([name, value]) => `${name} ${String(value)}`);
  return `${model}\n${table}${facts}\n${protocol}; ${said.join(', ')}`;
}
