import type { Command } from 'commander';

import { KappaError } from '../../errors';
import type { GroupSet } from '../../eval/groups/pairs';
import type { CommonThreshold, ErrorRates, GroupsResult } from '../../eval/groups/evaluate';
import type { EvaluationRecord } from '../../eval/records/record';
import { exitCodes } from '../exit-codes';
import type { Action } from '../flags';
import { count, printJson, printText, say } from '../output';
import { shareWork, type SharedHooks } from '../share-work';
import { addFeatureFlags, withFeatures, type FeatureFlags } from './features';
import {
  addModelFlags,
  addOutputFlags,
  intervalText,
  useThreads,
  withModel,
  withoutDraws,
  writeRecords,
  type OutputFlags,
} from './model';

/** Options of `kappa eval groups`. */
export interface EvalGroupsOptions extends FeatureFlags, OutputFlags {
  data?: string[];
  pairs?: string;
  groups?: string;
}

/** Adds `kappa eval groups`. */
export function addGroups(evaluate: Command, action: Action): void {
  const command = evaluate
    .command('groups')
    .description(
      'verification by groups of people, as the four sets of RFW: accuracy of each, false match and false non-match rates at one common threshold',
    )
    .argument('[checkpoint]', "a checkpoint's folder or a run; not with --features")
    .option('--data <set...>', 'a verification set (.bin) for each group: FILE, or NAME=FILE')
    .option('--pairs <file>', 'or one list of pairs of images (--root), with --groups')
    .option('--groups <file>', 'the group of each image, or person: path group a line');
  addFeatureFlags(command, 'folder that the paths of the pairs are relative to').option(
    '--no-flip',
    'leave the mirror images out',
  );
  addOutputFlags(addModelFlags(command)).action(action(evalGroupsCommand));
}

/** `kappa eval groups`: compares groups of people. */
async function evalGroupsCommand(target: string | undefined, options: EvalGroupsOptions): Promise<number> {
  if ((options.data === undefined) === (options.pairs === undefined))
    throw new KappaError('ERR_USAGE', 'Expected --data, a set for each group; or --pairs with --groups.');
  if ((options.pairs === undefined) !== (options.groups === undefined))
    throw new KappaError('ERR_USAGE', '--pairs and --groups go together.');
  if (options.data !== undefined && target === undefined)
    throw new KappaError('ERR_USAGE', 'Sets (--data) are embedded by a checkpoint: give one.');
  if (options.data !== undefined && (options.flip === false || options.crop || options.landmarks))
    throw new KappaError(
      'ERR_USAGE',
      '--no-flip, --crop and --landmarks are of image files (--pairs); sets (--data) are embedded as they are, with their mirror images.',
    );
  const run = await shareWork('Embedding images', { ...options, target }, (hooks) =>
    options.data === undefined
      ? evaluateList(target, options, hooks)
      : evaluateSets(target!, options.data, options, hooks),
  );
  if ('exitCode' in run) return run.exitCode;
  if (!run.isFirst) return exitCodes.ok;
  const { result, model, checkpoint } = run.result;
  const data = options.data?.join(' ') ?? options.pairs!;
  const { recordGroups } = await import('../../eval/records/groups');
  const record = recordGroups(result, { model, data, flags: { flip: options.flip ?? true } });
  const files = await writeRecords([record], options, checkpoint);
  const { pairs: _, ...shown } = result;
  if (options.json) printJson({ model, data, ...shown, record: withoutDraws(record) });
  else printText(`${model}\n${await formatGroups(result, record)}`);
  for (const file of files) say(`Wrote ${file}`);
  return exitCodes.ok;
}

interface Evaluated {
  result: GroupsResult;
  model: string;
  checkpoint: string | undefined;
}

async function evaluateSets(
  target: string,
  data: readonly string[],
  options: EvalGroupsOptions,
  { signal, onProgress, group, device }: SharedHooks,
): Promise<Evaluated> {
  const path = await import('node:path');
  const { readVerificationSet } = await import('../../data/protocols/verification-set');
  const { embedImages } = await import('../../eval/embed');
  const { pairsOfSets } = await import('../../eval/groups/pairs');
  const { evaluateGroups } = await import('../../eval/groups/evaluate');
  const { pairDistances } = await import('../../eval/metrics/pair-distances');
  const { sidesOfPairs } = await import('../../eval/records/pairs');
  const named = data.map((text) => {
    const [, name, file] = /^([^=/\\]+)=(.+)$/.exec(text) ?? [];
    return { name: name ?? path.parse(text).name, file: file ?? text };
  });
  await useThreads(options);
  return withModel(target, { ...options, device }, async (backbone, checkpoint) => {
    const sets: GroupSet[] = [];
    for (const { name, file } of named) {
      const { images, isSame } = await readVerificationSet(file);
      const told = (done: number, total: number): void => onProgress(done, total, `Embedding ${name}`);
      const run = { name, batchSize: options.batchSize, signal, group, onProgress: told };
      const { data: embeddings, embeddingSize } = await embedImages(backbone, images, run);
      const { distances } = pairDistances(embeddings, embeddingSize, name);
      sets.push({ name, distances, isSame, sides: sidesOfPairs(images, isSame) });
    }
    return { result: evaluateGroups(pairsOfSets(sets)), model: checkpoint, checkpoint };
  });
}

async function evaluateList(
  target: string | undefined,
  options: EvalGroupsOptions,
  hooks: SharedHooks,
): Promise<Evaluated> {
  const { readPairList } = await import('../../data/protocols/pair-list');
  const { readGroupList } = await import('../../data/protocols/group-list');
  const { pairsOfList } = await import('../../eval/groups/pairs');
  const { evaluateGroups } = await import('../../eval/groups/evaluate');
  const { pairFiles } = await import('../../eval/lfw');
  const list = await readPairList(options.pairs!);
  const groups = await readGroupList(options.groups!);
  const files = async () => ({ name: 'pairs', files: await pairFiles(options.root!, [list]) });
  return withFeatures(target, options, hooks, files, (features) =>
    evaluateGroups(pairsOfList(features, list, groups)),
  );
}

async function formatGroups(
  { groups, thresholds, protocol }: GroupsResult,
  record: EvaluationRecord,
): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number | undefined): string =>
    share === undefined ? '-' : (100 * share).toFixed(2);
  const first = formatTable(
    ['group', 'accuracy %', '95% interval', '+- std', 'AUC %', 'EER %', 'pairs', 'genuine'],
    groups.map(({ name, verification, pairs, genuine }) => [
      name,
      percent(verification?.accuracy),
      intervalText(record, `accuracy/${name}`),
      percent(verification?.std),
      percent(verification?.auc),
      percent(verification?.eer),
      pairs,
      genuine,
    ]),
  );
  const tables = thresholds.map((threshold) => formatThreshold(threshold, groups, record, formatTable));
  return [first, ...tables, protocol].join('\n');
}

function formatThreshold(
  { chosenBy, threshold, isUnseen, overall, groups: rates, fmrRatio, fnmrRatio, between }: CommonThreshold,
  groups: GroupsResult['groups'],
  record: EvaluationRecord,
  formatTable: (header: readonly string[], rows: readonly (readonly (string | number)[])[]) => string,
): string {
  const percent = (share: number | undefined): string =>
    share === undefined ? '-' : (100 * share).toFixed(3);
  const row = (name: string, { fmr, fnmr, impostor, genuine }: ErrorRates) => [
    name,
    percent(fmr),
    intervalText(record, `fmr@${chosenBy}/${name}`),
    percent(fnmr),
    intervalText(record, `fnmr@${chosenBy}/${name}`),
    impostor,
    genuine,
  ];
  const table = formatTable(
    ['group', 'FMR %', '95% interval', 'FNMR %', '95% interval', 'impostor pairs', 'genuine pairs'],
    [...rates.map((one, g) => row(groups[g]!.name, one)), row('all', overall)],
  );
  const times = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(2));
  const note = isUnseen
    ? ` (${count(overall.impostor)} impostor pairs are too few to see that FMR: none is accepted)`
    : '';
  const pairs = between.map(
    ({ first, second, fmr, impostor }) =>
      `${groups[first]!.name} and ${groups[second]!.name}: FMR ${percent(fmr)} % of ${count(impostor)} pairs`,
  );
  return [
    `at one threshold, by ${chosenBy}: squared distance < ${threshold.toFixed(4)}${note}`,
    `${table}greatest over least: FMR ${times(fmrRatio)}, FNMR ${times(fnmrRatio)}`,
    ...pairs,
    '',
  ].join('\n');
}
