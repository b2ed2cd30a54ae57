import type { RankGroup } from '../../distributed/rank-group';
import { KappaError } from '../../errors';
import { scope } from '../../tensor/scope';
import { Tensor } from '../../tensor/tensor';

/** What a rank says of its work. */
const DONE = 0;
const FAILED = 1;
const CANCELLED = 2;

/**
 * Gives every rank the numbers of all, in the order of the ranks. How it went travels with them, so that no rank waits
 * for one that failed. Without other ranks it is the work alone.
 *
 * @param own computes this rank's numbers
 * @param options.size how many numbers they are at most; what fewer ones lack comes as zeros
 * @param options.name names the images in errors
 * @throws what `own` throws; KappaError `ERR_PEER` where another rank failed, `ERR_CANCELLED` where it was cancelled
 */
export async function exchange(
  own: () => Promise<Float32Array>,
  group: RankGroup | undefined,
  { size, name }: { size: number; name: string },
): Promise<Float32Array[]> {
  if (!group) return [await own()];
  const message = new Float32Array(1 + size);
  let failure: { error: unknown } | undefined;
  try {
    message.set(await own(), 1);
  } catch (error) {
    failure = { error };
    message[0] = error instanceof KappaError && error.code === 'ERR_CANCELLED' ? CANCELLED : FAILED;
  }
  const all = await gather(message, group).catch((error: unknown) => {
    throw failure ? failure.error : error;
  });
  if (failure) throw failure.error;
  return Array.from({ length: group.worldSize }, (_, rank) => {
    const [outcome = DONE] = all.subarray(rank * message.length);
    if (outcome === CANCELLED)
      throw new KappaError('ERR_CANCELLED', `Rank ${rank} was cancelled while it embedded ${name}.`);
    if (outcome !== DONE)
      throw new KappaError(
        'ERR_PEER',
        `Rank ${rank} failed while it embedded ${name}: its own error says why.`,
      );
    return all.subarray(rank * message.length + 1, (rank + 1) * message.length);
  });
}

function gather(message: Float32Array, group: RankGroup): Promise<Float32Array> {
  return scope(async () => {
    const all = await group.allGather(await Tensor.from(message));
    return (await all.toTypedArray()) as Float32Array;
  });
}
