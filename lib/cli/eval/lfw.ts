import type { Command } from 'commander';

import type { LfwResult } from '../../eval/lfw';
import { exitCodes } from '../exit-codes';
import type { Action } from '../flags';
import { count, printJson, printText } from '../output';
import { shareWork } from '../share-work';
import { addFeatureFlags, withFeatures, type FeatureFlags } from './features';
import { addModelFlags, addOutputFlags, writeRecords, type OutputFlags } from './model';

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
  const records = await writeRecords([record], options, checkpoint);
  const { scored: _, people: __, ...shown } = result;
  if (options.json) printJson({ model, data: options.root ?? options.index, flags, ...shown, records });
  else printText(await formatLfw(result, model, flags));
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
  result: LfwResult,
  model: string,
  options: EvalLfwOptions,
  flags: Record<string, string | boolean>,
) {
  const path = await import('node:path');
  const { histogramsOf, pairRecord, rocRecord } = await import('../../eval/records/pair-record');
  const { name } = path.parse(options.pairs);
  const head = {
    benchmark: 'lfw',
    set: 'lfw',
    ...(name !== 'pairs' && { variant: name }),
    protocol: result.protocol,
    flags,
    model,
    data: options.root ?? options.index ?? '',
    counts: result.counts,
  } as const;
  if (result.folds) return pairRecord(head, result.folds, result.scored);
  const share = (id: string, label: string, value: number) => ({ id, label, value, isShare: true });
  return {
    format: 'kappaface-evaluation',
    version: 1,
    ...head,
    numbers: [
      share('accuracy', 'accuracy', result.single!.accuracy),
      { id: 'threshold', label: 'threshold', value: result.single!.threshold, isShare: false },
      share('auc', 'AUC', result.auc),
      share('eer', 'EER', result.eer),
    ],
    curves: [rocRecord(result.scored)],
    histograms: histogramsOf(result.scored),
    made: new Date().toISOString(),
  } as const;
}

async function formatLfw(
  { folds, single, auc, eer, counts, protocol }: LfwResult,
  model: string,
  flags: Record<string, string | boolean>,
): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number): string => (100 * share).toFixed(2);
  const table = folds
    ? formatTable(
        [
          'set',
          'accuracy %',
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
        ['set', 'accuracy %', 'threshold', 'chosen on', 'AUC %', 'EER %'],
        [
          [
            'lfw',
            percent(single!.accuracy),
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
