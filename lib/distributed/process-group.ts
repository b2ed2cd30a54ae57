import type { ProcessGroupHandle } from '../native/contract';
import type { Tensor } from '../tensor/tensor';

/** The processes of a run; all of them make the same calls in the same order. */
export interface ProcessGroup {
  readonly rank: number;
  readonly worldSize: number;
  readonly handle: ProcessGroupHandle;
  /** The rows of all ranks, one rank after the other; tensors of the same shape and element type. */
  allGather(rows: Tensor): Promise<Tensor>;
  /** Combines a tensor over all ranks, in place. @default sum */
  allReduce(values: Tensor, operation?: 'sum' | 'maximum' | 'minimum'): Promise<void>;
}
