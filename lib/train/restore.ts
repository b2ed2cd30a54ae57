import { KappaError } from '../errors';
import { getRandomState, setRandomState } from '../runtime/settings';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { openCheckpoint } from '../run/checkpoint-reader';
import { readModelState } from './checkpoint-tensors';
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

/** Brings a model to where a checkpoint left it. @throws KappaError ERR_CHECKPOINT, ERR_VERSION, ERR_IO */
export async function restore(model: Model, folder: string, device: string): Promise<RunState> {
  const checkpoint = await openCheckpoint<{ run: RunState }>(folder);
  const run = currentRunState(checkpoint.state.run);
  await scope(async () => {
    const saved = await readModelState(checkpoint, model, (_tensor, count) => ({ first: 0, count }));
    if (checkpoint.version === 1 && saved.head.has('memory.buffer'))
      throw new KappaError(
        'ERR_VERSION',
        `The checkpoint ${folder} has a memory buffer in the order of the images; since version 2 of the layout its rows are in the order of the classes. Its backbone can be used and verified, the run cannot go on: start anew.`,
      );
    await model.backbone.loadStateDict(saved.backbone);
    await model.head.loadStateDict(saved.head, run.headCounters);
    await model.optimizer.loadStateDict(saved.optimizer);
    const random = await checkpoint.ownTensors('random', 0);
    if (!random?.has('cpu'))
      throw new KappaError('ERR_CHECKPOINT', `The checkpoint ${folder} has no random state.`);
    await restoreRandomStates(random, device);
  });
  if (run.lossScaler) model.scaler?.loadStateDict(run.lossScaler);
  return run;
}
