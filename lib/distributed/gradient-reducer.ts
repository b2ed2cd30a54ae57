import type { GradientCompression, GradientReducerHandle } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';
import type { Tensor } from '../tensor/tensor';
import type { ProcessGroup } from './process-group';

/** How a {@link GradientReducer} sums gradients. */
export interface GradientReducerOptions {
  /** MiB of gradients that are sent together. @default 16 */
  bucketMiB?: number;
  /** What gradients are sent as. @default 'none': as they are */
  compression?: GradientCompression;
}

/**
 * Sums the gradients of parameters that all ranks have over the ranks, while the backward pass goes on (c10d's Reducer).
 * They are summed and not averaged: the heads' losses are means over the samples of all ranks. The gradients stay in the
 * buckets that are sent: filled with zeros instead of dropped (`optimizer.zeroGrad({ setToNone: false })`), they cost the
 * next step no allocation and no copy.
 */
export class GradientReducer {
  readonly #ready: Promise<GradientReducerHandle>;

  constructor(
    group: ProcessGroup,
    parameters: Iterable<Tensor>,
    { bucketMiB = 16, compression = 'none' }: GradientReducerOptions = {},
  ) {
    const options = { bucketBytes: Math.round(bucketMiB * 2 ** 20), compression };
    const [handle, handles] = [group.handle, [...parameters].map((parameter) => parameter.handle)];
    this.#ready = submit((addon) => addon.gradientReducer(handle, handles, options));
    this.#ready.catch(() => undefined); // reported by the first backward
  }

  /**
   * The backward pass of a step's last loss. Gradients of its earlier losses, whose backward passes exchange nothing, are
   * summed up with it.
   *
   * @throws KappaError `ERR_PEER`, `ERR_TIMEOUT`, `ERR_CANCELLED`
   */
  async backward(loss: Tensor): Promise<void> {
    const [handle, given] = [await this.#ready, loss.handle];
    await submit((addon) => addon.reducerBackward(handle, given));
  }

  /** Stops watching the parameters and frees the buckets. */
  dispose(): void {
    this.#ready.then(
      (handle) => native().disposeGradientReducer(handle),
      () => undefined,
    );
  }
}
