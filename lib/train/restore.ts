import { KappaError } from '../errors';
import { getRandomState, setRandomState } from '../runtime/settings';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { openCheckpoint } from '../run/checkpoint';
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

/** Brings a model to where a checkpoint left it. @throws KappaError ERR_CHECKPOINT, ERR_IO */
export async function restore(model: Model, folder: string, device: string): Promise<RunState> {
  const checkpoint = await openCheckpoint<{ run: RunState }>(folder);
  const run = currentRunState(checkpoint.state.run);
  await scope(async () => {
    await model.backbone.loadStateDict(await checkpoint.tensors('backbone'));
    await model.head.loadStateDict(await checkpoint.tensors('head'), run.headCounters);
    await model.optimizer.loadStateDict(await checkpoint.tensors('optimizer'));
    const random = await checkpoint.tensors('random');
    if (!random.has('cpu'))
      throw new KappaError('ERR_CHECKPOINT', `The checkpoint ${folder} has no random state.`);
    await restoreRandomStates(random, device);
  });
  if (run.lossScaler) model.scaler?.loadStateDict(run.lossScaler);
  return run;
}
