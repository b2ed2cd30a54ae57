import { KappaError } from '../errors';
import { submit } from '../native/submit';
import type { NamedTensors } from '../nn/module';
import { resolveOptions } from '../options/check';
import { Tensor } from '../tensor/tensor';
import { ClassSums } from './class-sums';
import type { ConcentrationEstimator, ObservedBatch } from './estimator';
import type { MemoryOptions } from './option-types';
import { memoryOptions } from './options';

/** What makes a {@link MemoryBuffer}: `zbar <- normalize((1 - alpha) zbar + alpha z)`. */
export interface MemoryBufferOptions extends MemoryOptions {
  numClasses: number;
  embeddingSize: number;
  /** Images of the training set. */
  numSamples: number;
}

/**
 * One stored unit embedding for each training image. The class sums run over the whole buffer and are kept exact at
 * every step; an image counts from its first visit.
 */
export class MemoryBuffer implements ConcentrationEstimator {
  readonly kind = 'memory';
  readonly alpha: number;
  readonly #classes: ClassSums;
  readonly #buffer: Tensor;
  readonly #visited: Tensor;
  readonly #filled: Promise<unknown>;

  constructor(options: MemoryBufferOptions) {
    const { numClasses, embeddingSize, numSamples, ...rest } = options;
    const { alpha, storage } = resolveOptions(memoryOptions(), rest);
    this.alpha = alpha;
    this.#classes = new ClassSums(numClasses, embeddingSize);
    this.#buffer = Tensor.empty([numSamples, embeddingSize], { dtype: storage }).keep();
    this.#visited = Tensor.empty([numSamples], { dtype: 'uint8' }).keep();
    this.#filled = Promise.all([this.#buffer.fill(0), this.#visited.fill(0)]);
    this.#filled.catch(() => undefined); // reported by ready()
  }

  get sums(): Tensor {
    return this.#classes.sums;
  }

  get counts(): Tensor {
    return this.#classes.counts;
  }

  async update(...batches: readonly ObservedBatch[]): Promise<void> {
    for (const batch of batches) await this.#take(batch);
  }

  async #take({ embeddings, labels, sampleIndex }: ObservedBatch): Promise<void> {
    if (!embeddings || !sampleIndex) {
      throw new KappaError(
        'ERR_ARGUMENT',
        'The memory buffer needs the embeddings and sampleIndex of the batch.',
      );
    }
    const update = {
      buffer: this.#buffer.handle,
      visited: this.#visited.handle,
      sums: this.sums.handle,
      counts: this.counts.handle,
      embeddings: embeddings.handle,
      indices: sampleIndex.handle,
      labels: labels.handle,
      alpha: this.alpha,
    };
    await Promise.all([submit((addon) => addon.updateMemory(update)), this.ready()]);
  }

  /** The buffer lives on from epoch to epoch. */
  nextEpoch(): Promise<void> {
    return Promise.resolve();
  }

  stateDict(): NamedTensors {
    return new Map([
      ['memory.buffer', this.#buffer],
      ['memory.visited', this.#visited],
      ['memory.sums', this.sums],
      ['memory.counts', this.counts],
    ]);
  }

  /** @deprecated use {@link stateDict} */
  state(): NamedTensors {
    return this.stateDict();
  }

  async ready(): Promise<void> {
    await this.#filled;
    await this.#classes.ready();
  }

  dispose(): void {
    this.#classes.dispose();
    this.#buffer.dispose();
    this.#visited.dispose();
  }
}
