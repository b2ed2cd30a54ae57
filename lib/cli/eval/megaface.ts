import path from 'node:path';
import { Option, type Command } from 'commander';

import type { MegafaceData, MegafaceResult } from '../../eval/megaface/evaluate';
import type { MegafacePlaces, OpenMegafaceOptions } from '../../eval/megaface/open-data';
import type { EvaluationRecord } from '../../eval/records/record';
import { KappaError } from '../../errors';
import { exitCodes } from '../exit-codes';
import { seedNumber, wholeNumber, type Action } from '../flags';
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

/** Options of `kappa eval megaface`. */
export interface EvalMegafaceOptions extends ModelFlags, OutputFlags {
  facescrub: string;
  megaface: string;
  featuresEnding?: string;
  facescrubList?: string;
  megafaceList?: string;
  lists?: string;
  set: string;
  sizes?: number[];
  seed: number;
  noises?: string;
  algo?: string;
  /** Folder that keeps the features of crops. */
  cache?: string;
}

/** Adds `kappa eval megaface`. */
export function addMegaface(evaluate: Command, action: Action): void {
  const command = evaluate
    .command('megaface')
    .description(
      "MegaFace Challenge 1 with FaceScrub's photos: identification among 10 to 1,000,000 distractors (CMC), and TAR at FAR 1e-6, both exact",
    )
    .argument('[checkpoint]', "a checkpoint's folder or a run, for crops; not with features")
    .requiredOption(
      '--facescrub <place>',
      "FaceScrub's photos: a folder of aligned crops or of features, or a .npy with its index beside it",
    )
    .requiredOption('--megaface <place>', "MegaFace's distractors, in the same form")
    .option(
      '--features-ending <ending>',
      "the folders have features, a file for each photo: the photo's path and this ending, like _r100.bin",
    )
    .option(
      '--facescrub-list <file>',
      'list of the probes: JSON of the devkit, or a path a line, like facescrub_lst (default: that of --lists, else all photos)',
    )
    .option('--megaface-list <file>', 'list of the distractors, a path a line (default: all photos)')
    .option(
      '--lists <folder>',
      "the devkit's templatelists, which say which distractors are in the set of each size (default: the beginnings of one shuffled order)",
    )
    .addOption(
      new Option('--set <number>', "which of the devkit's sets").choices(['1', '2', '3']).default('1'),
    )
    .option(
      '--sizes <numbers...>',
      'numbers of distractors (default: 10 100 1000 10000 100000 1000000, as far as there are so many)',
      (text: string, before: number[] | undefined) => [...(before ?? []), wholeNumber(text)],
    )
    .option('--seed <number>', 'of the shuffled order and of the noise on centres', seedNumber, 0)
    .option(
      '--noises <folder>',
      "folder of insightface's facescrub_noises.txt and megaface_noises.txt: noisy probes become their person's centre, noisy distractors are left out",
    )
    .option(
      '--cache <folder>',
      'keep the features of crops there: run again to go on where it was interrupted; needed by several processes',
    )
    .option(
      '--algo <name>',
      "name of the features in the devkit's files (default: that in --features-ending, else kappaface)",
    );
  addOutputFlags(addModelFlags(command)).action(action(evalMegafaceCommand));
}

interface Evaluated {
  model: string;
  checkpoint: string | undefined;
  data: MegafaceData;
  result: MegafaceResult;
}

/** `kappa eval megaface`: evaluates a checkpoint, or features, on MegaFace. */
async function evalMegafaceCommand(
  target: string | undefined,
  options: EvalMegafaceOptions,
): Promise<number> {
  const { facescrub, megaface } = options;
  const tables = [facescrub, megaface].filter((place) => place.endsWith('.npy')).length;
  const isOfFeatures = tables === 2 || options.featuresEnding !== undefined;
  if ((target === undefined) !== isOfFeatures || tables === 1)
    throw new KappaError(
      'ERR_USAGE',
      'Expected a checkpoint and two folders of crops, or --features-ending and two folders of features, or two .npy files.',
    );
  if (options.cache !== undefined && isOfFeatures)
    throw new KappaError('ERR_USAGE', '--cache goes with a checkpoint, not with features.');
  const run = await shareWork('Comparing distractors', { ...options, target }, (hooks) =>
    evaluate(target, options, hooks),
  );
  if ('exitCode' in run) return run.exitCode;
  if (!run.isFirst || run.result === undefined) return exitCodes.ok;
  const { model, checkpoint, data, result } = run.result;
  const { megafaceRecord } = await import('../../eval/megaface/record');
  const { algorithmOf, writeMegafaceFiles } = await import('../../eval/megaface/devkit-files');
  const record = megafaceRecord(result, {
    model,
    data: `${facescrub}, ${megaface}`,
    flags: flagsOf(options),
    probes: data.probes.names,
  });
  const { featuresEnding, algo, out } = options;
  const algorithm = algo ?? (featuresEnding === undefined ? 'kappaface' : algorithmOf(featuresEnding));
  const written = await writeRecords([record], options, checkpoint);
  if (out !== undefined)
    written.push(...(await writeMegafaceFiles(out, result, { algorithm, set: Number(options.set) })));
  for (const file of written) say(`Written: ${path.relative('.', file)}`);
  if (options.json)
    printJson({
      model,
      data: [facescrub, megaface],
      result: summaryOf(result),
      record: withoutDraws(record),
    });
  else printText(`${model}\n${await formatResult(result, record, options.noises !== undefined)}`.trimEnd());
  return exitCodes.ok;
}

async function evaluate(
  target: string | undefined,
  options: EvalMegafaceOptions,
  hooks: SharedHooks,
): Promise<Evaluated | undefined> {
  const { openMegaface } = await import('../../eval/megaface/open-data');
  const { evaluateMegaface } = await import('../../eval/megaface/evaluate');
  await useThreads(options);
  const { seed, batchSize } = options;
  const places: MegafacePlaces = { ...options, ending: options.featuresEnding, set: Number(options.set) };
  const { signal, onMessage, group, device } = hooks;
  if (group && options.cache === undefined)
    throw new KappaError(
      'ERR_USAGE',
      'Several processes share the embedding of crops alone, and need --cache for that.',
    );
  const compare = async (embed: OpenMegafaceOptions): Promise<Omit<Evaluated, 'model'> | undefined> => {
    const data = await openMegaface(places, { ...embed, signal, onMessage });
    try {
      // The others have done their share.
      if (group !== undefined && group.rank > 0) return undefined;
      const isEmbedding = embed.backbone !== undefined && embed.cache === undefined;
      const result = await evaluateMegaface(data, {
        seed,
        signal,
        ...(!isEmbedding && { onProgress: hooks.onProgress }),
      });
      return { checkpoint: undefined, data, result };
    } finally {
      await data.probeFeatures.close();
      await data.distractorFeatures.close();
    }
  };
  if (target === undefined) {
    const { algorithmOf } = await import('../../eval/megaface/devkit-files');
    const { featuresEnding: ending } = options;
    const compared = await compare({});
    const model = ending === undefined ? options.facescrub : algorithmOf(ending);
    return compared && { ...compared, model };
  }
  return withModel(target, { ...options, device }, async (backbone, checkpoint) => {
    const onProgress = (done: number, total: number): void =>
      hooks.onProgress(done, total, 'Embedding crops');
    const cache = options.cache === undefined ? undefined : { folder: options.cache, checkpoint, group };
    const compared = await compare({ backbone, batchSize, onProgress, ...(cache && { cache }) });
    return compared && { ...compared, model: checkpoint, checkpoint };
  });
}

/** Flags that change the result. */
function flagsOf({
  set,
  seed,
  lists,
  noises,
}: EvalMegafaceOptions): Record<string, string | number | boolean> {
  return {
    '--set': Number(set),
    '--seed': seed,
    '--lists': lists ?? 'none',
    '--noises': noises ?? 'none',
  };
}

/** What people read of a result: numbers and thinned curves. */
function summaryOf({ sizes, counts, protocol }: MegafaceResult) {
  return {
    protocol,
    counts,
    sizes: sizes.map(
      ({ size, distractors, ranks, points, customaryTar, cmc, roc, traditional, impostors }) => ({
        ...{ size, distractors, impostors, ranks, points, customaryTar },
        ...{ cmc: cmc.thinned, roc: roc.thinned, traditionalCmc: traditional.thinned },
      }),
    ),
  };
}

async function formatResult(
  { sizes, counts, protocol }: MegafaceResult,
  record: EvaluationRecord,
  isCleaned: boolean,
): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number | undefined): string =>
    share === undefined ? '-' : (100 * share).toFixed(4);
  const number = (value: number): string => value.toLocaleString('en');
  const fars = sizes.at(-1)!.points.map(({ wanted }) => wanted);
  const table = formatTable(
    [
      'distractors',
      'rank 1 %',
      'rank 10 %',
      ...fars.map((far) => `TAR % at FAR ${far.toExponential()}`),
      'thinned curve',
    ],
    sizes.map(({ size, ranks, points, customaryTar }) => [
      number(size),
      percent(ranks[1]),
      percent(ranks[10]),
      ...fars.map((far) => percent(points.find(({ wanted }) => wanted === far)?.tar)),
      percent(customaryTar),
    ]),
  );
  const { probes, people, pairs, distractors, noisyProbes, noisyDistractors } = counts;
  const least = 1 / (probes * distractors);
  return [
    table,
    `${number(probes)} probes of ${number(people)} people, ${number(pairs)} pairs; thinned curve: TAR at FAR 1e-6 as it is read off the devkit's file`,
    `95% intervals among ${number(sizes.at(-1)!.size)}, from drawing probes: rank 1 ${intervalText(record, 'rank-1')}, TAR at FAR 1e-6 ${intervalText(record, 'tar@far=1e-6')}`,
    ...(isCleaned
      ? [`Noise: ${number(noisyProbes)} probes and ${number(noisyDistractors)} distractors matched the lists`]
      : []),
    ...(least > Math.min(...fars)
      ? [
          `With these scores no FAR below ${least.toExponential(1)} can be told: less means that none is accepted.`,
        ]
      : []),
    protocol,
  ].join('\n');
}
