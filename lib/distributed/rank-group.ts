import type { ProcessGroupHandle } from '../native/contract';
import type { Tensor } from '../tensor/tensor';

/** The ranks of a run, as whatever computes on all of them sees them; all make the same calls in the same order. */
export interface RankGroup {
  readonly rank: number;
  readonly worldSize: number;
  /** @internal */
  readonly handle: ProcessGroupHandle;
  /** The rows of all ranks, one rank after the other; tensors of the same shape and element type. */
  allGather(rows: Tensor): Promise<Tensor>;
  /** Combines a tensor over all ranks, in place. @default sum */
  allReduce(values: Tensor, operation?: 'sum' | 'maximum' | 'minimum'): Promise<void>;
}
