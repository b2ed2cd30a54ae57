import type { Command } from 'commander';

import type { FaceComparison } from '../eval/compare';
import type { ReferenceScores } from '../eval/reference-scores';
import type { Backbone } from '../nn/backbone';
import { addModelFlags, useThreads, withModel, type ModelFlags } from './eval/model';
import { exitCodes } from './exit-codes';
import { JSON_DOC, type Action } from './flags';
import { runLongTask, type TaskHooks } from './long-task';
import { count, printJson, printText } from './output';

/** Options of `kappa compare`. */
export interface CompareCommandOptions extends ModelFlags {
  model: string;
  data?: string;
  landmarks?: string;
  json?: boolean;
}

/** Adds `kappa compare`. */
export function addCompare(program: Command, action: Action): void {
  const command = program
    .command('compare')
    .description(
      "tell how alike two faces are, and what that means by the model's own verification: how many strangers are as alike",
    )
    .argument('<first>', 'image of a face, aligned as those of training are')
    .argument('<second>', 'another one')
    .requiredOption('--model <checkpoint>', "a checkpoint's folder, or a run")
    .option(
      '--data <file>',
      "verification set (.bin) to hold it against (default: the run's newest evaluation of pairs)",
    )
    .option('--landmarks <file>', 'align by these: path x1 y1 x2 y2 ... a line, 5 or 68 points');
  addModelFlags(command).option('--json', JSON_DOC).action(action(compareCommand));
}

/** `kappa compare`: compares two faces. */
async function compareCommand(
  first: string,
  second: string,
  options: CompareCommandOptions,
): Promise<number> {
  const run = await runLongTask('Embedding images', async (hooks) => {
    const { compareFaces } = await import('../eval/compare');
    const points = await pointsOf([first, second], options.landmarks);
    await useThreads(options);
    return withModel(options.model, options, async (backbone, checkpoint) => {
      if (points === undefined) await noteSizes([first, second], backbone.options.imageSize, hooks.onMessage);
      const reference = await referenceFor(backbone, checkpoint, options, hooks);
      const [a, b] = [first, second].map((image, i) => ({ image, points: points?.[i] }));
      const compared = await compareFaces(backbone, a!, b!, { reference, signal: hooks.signal });
      return { model: checkpoint, ...compared };
    });
  });
  if ('exitCode' in run) return run.exitCode;
  if (options.json) printJson(run.result);
  else printText(formatComparison(run.result));
  return exitCodes.ok;
}

async function pointsOf(images: readonly string[], file: string | undefined) {
  if (file === undefined) return undefined;
  const { KappaError } = await import('../errors');
  const { readLandmarks } = await import('../data/lists/landmarks');
  const landmarks = await readLandmarks(file);
  return images.map((image) => {
    const points = landmarks.find(image);
    if (points) return points;
    throw new KappaError('ERR_DATA_NOT_FOUND', `${image} cannot be aligned: ${landmarks.whyMissing(image)}.`);
  });
}

/** Tells of images that are not of the network's size, and so hardly aligned. */
async function noteSizes(images: readonly string[], size: number, say: (text: string) => void) {
  const { readImageFile } = await import('../image/read-file');
  const { readImageSize } = await import('../image/decode');
  for (const image of images) {
    const { width, height } = await readImageSize(readImageFile(image), image);
    if (width === size && height === size) continue;
    say(
      `${image} is ${width} x ${height} pixels and is resized to ${size} x ${size}. That is no alignment: the result counts only if the face lies in it as in the images of training (--landmarks aligns).`,
    );
  }
}

/** Known pairs: of the set that was given, else of the newest evaluation of the run. */
async function referenceFor(
  backbone: Backbone,
  checkpoint: string,
  { data, batchSize }: CompareCommandOptions,
  { signal, onProgress, onMessage }: TaskHooks,
): Promise<ReferenceScores | undefined> {
  const { referenceOfPairs, referenceOfRecord } = await import('../eval/reference-scores');
  if (data !== undefined) {
    const { readVerificationSet } = await import('../data/protocols/verification-set');
    const { embedImages } = await import('../eval/embed');
    const { pairDistances } = await import('../eval/metrics/pair-distances');
    const set = await readVerificationSet(data);
    const told = (done: number, total: number): void => onProgress(done, total, `Embedding ${set.name}`);
    const run = { name: set.name, batchSize, signal, onProgress: told };
    const embedded = await embedImages(backbone, set.images, run);
    const { distances } = pairDistances(embedded.data, embedded.embeddingSize, set.name);
    return referenceOfPairs(distances, set.isSame, data);
  }
  const path = await import('node:path');
  const { EVALUATIONS_FOLDER, readRecords } = await import('../eval/records/files');
  const folder = path.join(checkpoint, '..', '..', EVALUATIONS_FOLDER);
  const records = (await readRecords(folder))
    .filter(({ benchmark }) => benchmark === 'verification' || benchmark === 'lfw')
    .filter((record) => referenceOfRecord(record) !== undefined)
    .sort((a, b) => (a.made < b.made ? 1 : -1));
  const own = (model: string): boolean => path.basename(model) === path.basename(checkpoint);
  const newest = records.find(({ model }) => own(model)) ?? records[0];
  if (newest === undefined) {
    onMessage(
      `What it means cannot be told: ${folder} has no evaluation of pairs. Give a set (--data lfw.bin), or run kappa eval verification first.`,
    );
    return undefined;
  }
  if (!own(newest.model))
    onMessage(
      `Only another checkpoint of the run has been evaluated: what it means is told by ${newest.model}.`,
    );
  return referenceOfRecord(newest);
}

function formatComparison({ cosine, squaredDistance, meaning }: FaceComparison): string {
  const alike = `cosine similarity ${cosine.toFixed(4)}, squared distance ${squaredDistance.toFixed(4)}`;
  if (meaning === undefined) return alike;
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const { source, genuine, impostor, impostorsAsAlike, genuineLessAlike, verdicts } = meaning;
  return [
    alike,
    ...verdicts.map(({ fmr, isSame }) => {
      const answer =
        isSame === undefined ? `cannot be told by ${count(impostor)} impostor pairs` : isSame ? 'yes' : 'no';
      return `same person at FMR ${fmr.toExponential()}: ${answer}`;
    }),
    `${percent(impostorsAsAlike)} of ${count(impostor)} impostor pairs are as alike or more; ${percent(genuineLessAlike)} of ${count(genuine)} genuine pairs are less alike (${source})`,
  ].join('\n');
}
