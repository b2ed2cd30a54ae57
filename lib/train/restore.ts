import { KappaError } from '../errors';
import { mix32 } from '../random';
import type { RowsOf } from '../run/checkpoint-reader';
import { getRandomState, manualSeed, setRandomState } from '../runtime/settings';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { openCheckpoint } from '../run/checkpoint-reader';
import { isOfImages, readModelState } from './checkpoint-tensors';
import type { Model } from './model';
import { currentRunState } from '../run/run-state';
import type { RunState } from '../run/run-state';

/** The generators that training draws from, by device. */
export async function randomStates(device: string): Promise<Map<string, Tensor>> {
  // Both are asked for at once: they are those of this moment, whatever is queued next.
  const [own, other] = await Promise.all([
    getRandomState(),
    device === 'cpu' ? undefined : getRandomState(device),
  ]);
  return new Map([['cpu', own], ...(other ? [['device', other] as const] : [])]);
}

/** Brings the generators back to where they were. */
export async function restoreRandomStates(
  states: ReadonlyMap<string, Tensor>,
  device: string,
): Promise<void> {
  const [own, other] = [states.get('cpu'), states.get('device')];
  if (own) await setRandomState(own);
  // A run that goes on on another kind of device starts that generator from the seed.
  if (device !== 'cpu' && other) await setRandomState(other, device);
}

/** Where the run stood at a checkpoint. @throws KappaError `ERR_CHECKPOINT`, `ERR_VERSION` */
export async function readRunState(folder: string): Promise<RunState> {
  return currentRunState((await openCheckpoint<{ run: RunState }>(folder)).state.run);
}

/** What a model is restored for. */
export interface RestoreOptions {
  device: string;
  /** Seed of what a rank draws that was not there when the checkpoint was made. */
  seed: number;
  /** Images of each class in the training set. */
  samplesPerClass: ArrayLike<number>;
}

/**
 * Brings a model to where a checkpoint left it, whatever the number of ranks was then.
 *
 * @throws KappaError `ERR_CHECKPOINT`, `ERR_VERSION`, `ERR_IO`
 */
export async function restore(
  model: Model,
  folder: string,
  { device, seed, samplesPerClass }: RestoreOptions,
): Promise<RunState> {
  const checkpoint = await openCheckpoint<{ run: RunState }>(folder);
  const run = currentRunState(checkpoint.state.run);
  await scope(async () => {
    const saved = await readModelState(checkpoint, model, rowsOfRank(model, samplesPerClass));
    if (checkpoint.version === 1 && saved.head.has('memory.buffer'))
      throw new KappaError(
        'ERR_VERSION',
        `The checkpoint ${folder} has a memory buffer in the order of the images; since version 2 of the layout its rows are in the order of the classes. Its backbone can be used and verified, the run cannot go on: start anew.`,
      );
    await model.backbone.loadStateDict(saved.backbone);
    await model.head.loadStateDict(saved.head, run.headCounters);
    await model.optimizer.loadStateDict(saved.optimizer);
    const rank = model.ranks?.group.rank ?? 0;
    const random = await checkpoint.ownTensors('random', rank);
    // A rank that is new draws on from a place of its own.
    if (!random && rank > 0) return manualSeed(mix32(mix32(mix32(seed) ^ rank) ^ run.step));
    if (!random?.has('cpu'))
      throw new KappaError('ERR_CHECKPOINT', `The checkpoint ${folder} has no random state.`);
    await restoreRandomStates(random, device);
  });
  if (run.lossScaler) model.scaler?.loadStateDict(run.lossScaler);
  return run;
}

/** The rows of this rank: those of its classes, or of their images. */
function rowsOfRank({ head, ranks }: Model, samplesPerClass: ArrayLike<number>): RowsOf {
  if (!ranks) return (_tensor, count) => ({ first: 0, count });
  const { first, count } = head.classes;
  const images = (from: number, to: number): number => {
    let sum = 0;
    for (let c = from; c < to; c++) sum += samplesPerClass[c] ?? 0;
    return sum;
  };
  const ofImages = { first: images(0, first), count: images(first, first + count) };
  return (tensor) => (isOfImages(tensor) ? ofImages : { first, count });
}
