import { InvalidArgumentError, Option, type Command } from 'commander';

import type { YtfSplits } from '../../data/protocols/ytf';
import { KappaError } from '../../errors';
import type { EvaluationRecord } from '../../eval/records/record';
import type { VideoPooling } from '../../eval/metrics/video-pooling';
import type { VideoComparison, YtfResult } from '../../eval/ytf/evaluate';
import type { FrameChoice } from '../../eval/ytf/frames';
import { exitCodes } from '../exit-codes';
import { seedNumber, type Action } from '../flags';
import { count, printJson, printText, say } from '../output';
import { shareWork, type SharedHooks } from '../share-work';
import { addFeatureFlags, checkFeatureFlags, type FeatureFlags } from './features';
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

/** Options of `kappa eval ytf`. */
export interface EvalYtfOptions extends FeatureFlags, OutputFlags {
  splits: string;
  frames: FrameChoice;
  seed: number;
  pooling: VideoPooling;
  framePairs?: 'min' | 'mean' | 'max';
  skipMissing?: boolean;
  cache?: string;
}

/** Adds `kappa eval ytf`. */
export function addYtf(evaluate: Command, action: Action): void {
  const command = evaluate
    .command('ytf')
    .description('YouTube Faces: pairs of videos, by the splits that are given')
    .argument('[checkpoint]', "a checkpoint's folder or a run; not with --features")
    .requiredOption('--splits <file>', 'splits.txt, or its corrected form');
  addFeatureFlags(command, 'folder with SUBJECT/VIDEO/FRAME.jpg: aligned_images_DB or frame_images_DB')
    .option('--flip', 'add the mirror image of each frame')
    .option('--frames <which>', 'all, first32, every5, or random32 (default: all)', frameChoice, {
      kind: 'all',
    } as FrameChoice)
    .option('--seed <number>', 'seed of the frames that are drawn', seedNumber, 0)
    .addOption(
      new Option('--pooling <rule>', 'how frames become one embedding of their video')
        .choices(['meanOfNormalised', 'meanRaw', 'normWeighted'])
        .default('meanOfNormalised'),
    )
    .addOption(
      new Option(
        '--frame-pairs <rule>',
        'compare all frames of two videos instead: the least, mean or greatest squared distance',
      ).choices(['min', 'mean', 'max']),
    )
    .option('--skip-missing', 'leave out the pairs of videos that are not there')
    .option(
      '--cache <folder>',
      'keep the features of the frames there: run again to go on, or with another pooling',
    );
  addOutputFlags(addModelFlags(command)).action(action(evalYtfCommand));
}

function frameChoice(text: string): FrameChoice {
  if (text === 'all') return { kind: 'all' };
  const [, kind, number] = /^(first|every|random)(\d+)$/.exec(text) ?? [];
  if (kind === undefined || Number(number) < 1)
    throw new InvalidArgumentError('Expected all, or first, every or random with a number, like first32.');
  return { kind: kind as 'first', count: Number(number) };
}

/** `kappa eval ytf`: evaluates a checkpoint, or features, on YouTube Faces. */
async function evalYtfCommand(target: string | undefined, options: EvalYtfOptions): Promise<number> {
  checkFeatureFlags(target, options);
  if (options.cache !== undefined && options.features !== undefined)
    throw new KappaError('ERR_USAGE', '--cache goes with a checkpoint, not with --features.');
  const run = await shareWork('Embedding frames', { ...options, target }, (hooks) =>
    evaluate(target, options, hooks),
  );
  if ('exitCode' in run) return run.exitCode;
  if (!run.isFirst || run.result === undefined) return exitCodes.ok;
  const { result, model, checkpoint, flags } = run.result;
  const { foldNumbers, recordPairs } = await import('../../eval/records/pairs');
  const { sidesOfScored } = await import('../../eval/uncertainty/compared-pairs');
  const data = options.root ?? options.index ?? '';
  const { counts, protocol, verification, scored } = result;
  const record = recordPairs(
    { ...scored, sides: sidesOfScored(scored), folds: verification.folds },
    {
      ...{ benchmark: 'ytf', set: 'ytf', protocol, flags, model, data, counts },
      others: foldNumbers(verification),
      nameOf: (pair, side) => result.names[pair]![side],
    },
  );
  const files = await writeRecords([record], options, checkpoint);
  if (counts.missingVideos > 0)
    say(
      `${counts.missingVideos} videos are missing: ${counts.leftOutPairs} of ${counts.leftOutPairs + counts.pairs} pairs were left out, so that this is not the official result.`,
    );
  if (options.json)
    printJson({ model, data, flags, counts, protocol, ...verification, record: withoutDraws(record) });
  else printText(await formatYtf(result, model, flags, record));
  for (const file of files) say(`Wrote ${file}`);
  return exitCodes.ok;
}

interface Evaluated {
  result: YtfResult;
  model: string;
  checkpoint: string | undefined;
  flags: Record<string, string | boolean>;
}

async function evaluate(
  target: string | undefined,
  options: EvalYtfOptions,
  hooks: SharedHooks,
): Promise<Evaluated | undefined> {
  const { readYtfSplits } = await import('../../data/protocols/ytf');
  const { describeFrames, framesOfNames } = await import('../../eval/ytf/frames');
  const { mustHaveVideos, YtfEvaluation } = await import('../../eval/ytf/evaluate');
  const splits = await readYtfSplits(options.splits);
  const frames: FrameChoice =
    options.frames.kind === 'random' ? { ...options.frames, seed: options.seed } : options.frames;
  const comparison: VideoComparison =
    options.framePairs === undefined ? { pooling: options.pooling } : { framePairs: options.framePairs };
  const flags = { frames: describeFrames(frames), ...comparison };
  const { features, mirrored, index } = options;
  if (features === undefined)
    return embedAndEvaluate(target!, splits, { frames, comparison }, options, hooks, flags);
  const { readNamedFeatures } = await import('../../eval/named-features');
  const named = await readNamedFeatures({ features, mirrored, index: index! });
  const chosen = framesOfNames(named.names, splits.videos, frames);
  if (!options.skipMissing) mustHaveVideos(chosen, splits.videos, index!);
  const evaluation = new YtfEvaluation(splits, chosen, comparison, named.columns);
  for (const [i, { name }] of chosen.frames.flat().entries()) {
    const row = named.rowOf(name)!;
    await evaluation.write(i, named.data.subarray(row * named.columns, (row + 1) * named.columns));
  }
  const result = await evaluation.result();
  return {
    result,
    model: features,
    checkpoint: undefined,
    flags: { ...flags, flip: mirrored !== undefined },
  };
}

async function embedAndEvaluate(
  target: string,
  splits: YtfSplits,
  { frames, comparison }: { frames: FrameChoice; comparison: VideoComparison },
  options: EvalYtfOptions,
  hooks: SharedHooks,
  flags: Record<string, string>,
): Promise<Evaluated | undefined> {
  const { readLandmarks } = await import('../../data/lists/landmarks');
  const { evaluateYtf } = await import('../../eval/ytf/embed');
  const { describeCut } = await import('../../eval/named-features');
  const landmarks = options.landmarks === undefined ? undefined : await readLandmarks(options.landmarks);
  const { root, crop = 'centre', flip = false, batchSize, workers, cache, skipMissing } = options;
  await useThreads(options);
  return withModel(target, { ...options, device: hooks.device }, async (backbone, checkpoint) => {
    const how = { frames, comparison, skipMissing, landmarks, crop, flip };
    const run = { ...how, batchSize, workers, cache, checkpoint, ...hooks };
    const result = await evaluateYtf(backbone, splits, root!, run);
    if (result === undefined) return undefined;
    const cut = { crop: describeCut({ landmarks, crop }), flip };
    return { result, model: checkpoint, checkpoint, flags: { ...flags, ...cut } };
  });
}

async function formatYtf(
  { verification, counts, protocol }: YtfResult,
  model: string,
  flags: Record<string, string | boolean>,
  record: EvaluationRecord,
): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number): string => (100 * share).toFixed(2);
  const { accuracy, std, standardError, threshold, auc, eer } = verification;
  const table = formatTable(
    [
      'set',
      'accuracy %',
      '95% interval',
      '+- std (insightface)',
      '+- standard error (official)',
      'threshold',
      'AUC %',
      'EER %',
    ],
    [
      [
        'ytf',
        percent(accuracy),
        intervalText(record, 'accuracy'),
        percent(std),
        percent(standardError),
        threshold.toFixed(3),
        percent(auc),
        percent(eer),
      ],
    ],
  );
  const dropped =
    counts.droppedFrames > 0 ? `, ${count(counts.droppedFrames)} frames without landmarks dropped` : '';
  const facts = `${count(counts.videos)} videos, ${count(counts.frames)} frames${dropped}, ${count(counts.pairs)} pairs, ${count(counts.genuine)} of them of one person`;
  const said = Object.entries(flags).map(([name, value]) => `${name} ${String(value)}`);
  return `${model}\n${table}${facts}\n${protocol}; ${said.join(', ')}`;
}
