import { AsyncResource } from 'node:async_hooks';

import type { Batch } from '../data/loader/data-loader';
import type { BatchInput } from './batch-input';

/** A batch that may be on its way to the device already. */
export interface StepBatch extends Batch {
  /** Where it is; undefined: it has yet to be brought there. Whoever takes it owns the tensors. */
  input?: Promise<BatchInput>;
}

/** What batches come from. */
export interface Counting {
  /** Damaged samples that were replaced and not counted yet. */
  skipped: number;
}

interface Fetched {
  result: IteratorResult<StepBatch, void>;
  skipped: number;
}

/**
 * The batches of an epoch, the next of which is brought to the device while the step before computes, where it is asked
 * for in time.
 */
export class BatchSource implements AsyncIterableIterator<StepBatch, void> {
  /** Damaged samples that were replaced in the batches handed out, until somebody counts them and sets this to 0. */
  skipped: number;
  readonly #batches: AsyncIterator<Batch, void>;
  readonly #loader: Counting;
  readonly #fetchUploaded: () => Promise<Fetched>;
  #next: Promise<Fetched> | undefined;

  /**
   * @param batches an epoch of the loader
   * @param upload brings a batch to the device
   */
  constructor(
    batches: AsyncIterator<Batch, void>,
    loader: Counting,
    upload: (batch: Batch) => Promise<BatchInput>,
  ) {
    this.#batches = batches;
    this.#loader = loader;
    // Here: tensors of a step to come must not belong to the scope of the step under way.
    this.#fetchUploaded = AsyncResource.bind(() => this.#fetch(upload));
    // What the epoch before drew and did not use.
    this.skipped = loader.skipped;
    loader.skipped = 0;
  }

  /** Begins to fetch the next batch and to bring it to the device. An error in that is told by `next`. */
  prepare(): void {
    if (this.#next) return;
    this.#next = this.#fetchUploaded();
    this.#next.catch(() => undefined);
  }

  async #fetch(upload?: (batch: Batch) => Promise<BatchInput>): Promise<Fetched> {
    const result = await this.#batches.next();
    const skipped = this.#loader.skipped;
    this.#loader.skipped = 0;
    if (result.done || !upload) return { result, skipped };
    const input = upload(result.value);
    input.catch(() => undefined); // reported by whoever takes it
    return { result: { done: false, value: { ...result.value, input } }, skipped };
  }

  async next(): Promise<IteratorResult<StepBatch, void>> {
    const fetched = this.#next ?? this.#fetch();
    this.#next = undefined;
    const { result, skipped } = await fetched;
    this.skipped += skipped;
    if (result.done) this.#giveBack();
    return result;
  }

  /** Leaves the epoch: what was fetched and not used goes back. */
  async return(): Promise<IteratorResult<StepBatch, void>> {
    const unused = await this.#next?.catch(() => undefined);
    this.#next = undefined;
    if (unused && !unused.result.done) {
      const { value } = unused.result;
      const input = await value.input?.catch(() => undefined);
      for (const tensor of Object.values(input ?? {})) tensor.dispose();
      value.release();
    }
    this.#giveBack();
    await this.#batches.return?.();
    return { done: true, value: undefined };
  }

  #giveBack(): void {
    this.#loader.skipped += this.skipped;
    this.skipped = 0;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
