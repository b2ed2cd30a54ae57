import type { RankGroup } from '../distributed/rank-group';
import { KappaError } from '../errors';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';

/** What came of a batch of images. */
export interface EmbeddedBatch {
  /** [B, D] embedding of each image plus that of its mirror image. */
  sums: Float32Array;
  /** Sum of the lengths of the embeddings, a float32 number. */
  norms: number;
}

/** What a rank says of its batch. */
const DONE = 0;
const FAILED = 1;
const CANCELLED = 2;

/**
 * Gives every rank the batches of all, in the order of the ranks. How it went travels with the batch, so that no rank
 * waits for one that failed.
 *
 * @param own computes this rank's batch
 * @param options.size numbers of a whole batch's sums; what a smaller batch lacks comes as zeros
 * @param options.name names the images in errors
 * @throws what `own` throws; KappaError `ERR_PEER` where another rank failed, `ERR_CANCELLED` where it was cancelled
 */
export async function exchangeBatches(
  own: () => Promise<EmbeddedBatch>,
  group: RankGroup,
  { size, name }: { size: number; name: string },
): Promise<EmbeddedBatch[]> {
  const message = new Float32Array(2 + size);
  let failure: { error: unknown } | undefined;
  try {
    const { sums, norms } = await own();
    message.set([DONE, norms]);
    message.set(sums, 2);
  } catch (error) {
    failure = { error };
    message[0] = error instanceof KappaError && error.code === 'ERR_CANCELLED' ? CANCELLED : FAILED;
  }
  const all = await gather(message, group).catch((error: unknown) => {
    throw failure ? failure.error : error;
  });
  if (failure) throw failure.error;
  return Array.from({ length: group.worldSize }, (_, rank) => {
    const [outcome = DONE, norms = 0] = all.subarray(rank * message.length);
    if (outcome === CANCELLED)
      throw new KappaError('ERR_CANCELLED', `Rank ${rank} was cancelled while it embedded ${name}.`);
    if (outcome !== DONE)
      throw new KappaError(
        'ERR_PEER',
        `Rank ${rank} failed while it embedded ${name}: its own error says why.`,
      );
    return { sums: all.subarray(rank * message.length + 2, (rank + 1) * message.length), norms };
  });
}

function gather(message: Float32Array, group: RankGroup): Promise<Float32Array> {
  return scope(async () => {
    const all = await group.allGather(await Tensor.from(message));
    return (await all.toTypedArray()) as Float32Array;
  });
}
