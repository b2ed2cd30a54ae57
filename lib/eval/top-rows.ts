import { native } from '../native/load';
import { submit } from '../native/submit';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import type { RankOptions } from './distractor-ranks';

/** The best rows of each query, the best first; of equal ones the first. */
export interface TopRows {
  /** [Q, count] dot products; -infinity where there are not so many rows. */
  readonly scores: Float32Array;
  /** [Q, count] numbers of the rows; -1 there. */
  readonly indices: Int32Array;
}

/**
 * Finds the rows with the largest dot products, exactly, on all threads.
 *
 * @param queries float32 [Q, D] on the CPU
 * @param rows float32 [N, D]
 * @param count how many of each query
 * @throws KappaError `ERR_SHAPE`, `ERR_DTYPE`, `ERR_ARGUMENT`, `ERR_NOT_FINITE` naming the row
 */
export function topRows(
  queries: Tensor,
  rows: Tensor,
  count: number,
  { products }: Pick<RankOptions, 'products'> = {},
): Promise<TopRows> {
  return scope(async () => {
    const wrap = Tensor.wrapper();
    const bfloat16 = products ? products === 'bfloat16' : native().computesFast('bfloat16', 'cpu');
    const options = { count, first: 0, bfloat16 };
    const top = await submit((addon) => addon.topRows(queries.handle, rows.handle, options, null));
    const [scores, indices] = [wrap(top.scores), wrap(top.indices)];
    return {
      scores: (await scores.toTypedArray()) as Float32Array,
      indices: (await indices.toTypedArray()) as Int32Array,
    };
  });
}
