import { allClasses } from '../distributed/class-range';
import type { RankGroup } from '../distributed/rank-group';
import { KappaError, argumentError } from '../errors';
import type { MemoryBufferHandle, TensorHandle } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';
import type { NamedTensors } from '../nn/module';
import { resolveOptions } from '../options/check';
import { Tensor } from '../tensor/tensor';
import type { ConcentrationEstimator, ObservedBatch, SpreadClasses } from './estimator';
import type { MemoryOptions } from './option-types';
import { memoryOptions } from './options';

/** What makes a {@link MemoryBuffer}: `zbar <- normalize((1 - alpha) zbar + alpha z)`. */
export interface MemoryBufferOptions extends MemoryOptions, SpreadClasses {
  /** Images of each class in the training set, of all ranks' classes. */
  samplesPerClass: ArrayLike<number>;
  embeddingSize: number;
}

/**
 * One stored unit embedding for each training image. The class sums run over the whole buffer and are kept exact at
 * every step; an image counts from its first visit.
 *
 * Its state is `memory.buffer` (images, embeddingSize), class by class, `memory.samples`, int64 (images): which image each
 * row is of, -1 while it is none's, and `memory.sums` and `memory.counts` of the classes. An image takes the next free row
 * of its class at its first visit. Those of all ranks, one below the other, are the state of one rank with all classes.
 */
export class MemoryBuffer implements ConcentrationEstimator {
  readonly kind = 'memory';
  readonly alpha: number;
  readonly sums: Tensor;
  readonly counts: Tensor;
  readonly #buffer: Tensor;
  readonly #samples: Tensor;
  readonly #group: RankGroup | undefined;
  readonly #cleared: Promise<void>;
  #handle: MemoryBufferHandle | undefined;

  /** @throws KappaError `ERR_ARGUMENT` */
  constructor(options: MemoryBufferOptions) {
    const { samplesPerClass, embeddingSize, group, ...others } = options;
    const { classes = allClasses(samplesPerClass.length), ...rest } = others;
    const { alpha, storage } = resolveOptions(memoryOptions(), rest);
    this.alpha = alpha;
    this.#group = group;
    const images = countImages(samplesPerClass);
    const handle = native().memoryBuffer(
      {
        classes: { ...classes, total: samplesPerClass.length },
        numSamples: images.reduce((sum, count) => sum + count, 0),
        ...{ embeddingSize, alpha, storage },
      },
      images.subarray(classes.first, classes.first + classes.count),
    );
    this.#handle = handle;
    const state = native().memoryBufferState(handle);
    const kept = (tensor: TensorHandle): Tensor => Tensor.wrap(tensor).keep();
    this.#buffer = kept(state.buffer);
    this.#samples = kept(state.samples);
    this.sums = kept(state.sums);
    this.counts = kept(state.counts);
    this.#cleared = submit((addon) => addon.memoryBufferClear(handle));
    this.#cleared.catch(() => undefined); // reported by ready()
  }

  /**
   * @throws KappaError `ERR_ARGUMENT` for an image outside the training set, of another class than before, or beyond the
   *   images that its class has; nothing has changed then
   */
  async update(...batches: readonly ObservedBatch[]): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) throw new KappaError('ERR_DISPOSED', 'This memory buffer has been disposed.');
    if (batches.length === 0) return;
    const step = {
      embeddings: batches.map(({ embeddings }) => given(embeddings).handle),
      labels: batches.map(({ labels }) => labels.handle),
      indices: batches.map(({ sampleIndex }) => given(sampleIndex).handle),
    };
    const group = this.#group?.handle ?? null;
    await Promise.all([submit((addon) => addon.memoryBufferUpdate(handle, step, group)), this.ready()]);
  }

  /** The buffer lives on from epoch to epoch. */
  nextEpoch(): Promise<void> {
    return Promise.resolve();
  }

  stateDict(): NamedTensors {
    return new Map([
      ['memory.buffer', this.#buffer],
      ['memory.samples', this.#samples],
      ['memory.sums', this.sums],
      ['memory.counts', this.counts],
    ]);
  }

  /** @deprecated use {@link stateDict} */
  state(): NamedTensors {
    return this.stateDict();
  }

  async ready(): Promise<void> {
    await this.#cleared;
  }

  /** Frees its tensors once the operations queued before have run. */
  dispose(): void {
    for (const tensor of this.stateDict().values()) tensor.dispose();
    if (this.#handle === undefined) return;
    native().disposeMemoryBuffer(this.#handle);
    this.#handle = undefined;
  }
}

function countImages(samplesPerClass: ArrayLike<number>): Int32Array {
  const images = new Int32Array(samplesPerClass.length);
  for (let c = 0; c < images.length; c++) {
    const count = samplesPerClass[c] as number;
    if (!Number.isInteger(count) || count < 0 || count >= 2 ** 31)
      throw argumentError(`samplesPerClass[${c}]`, 'a number of images', count);
    images[c] = count;
  }
  return images;
}

function given(tensor: Tensor | undefined): Tensor {
  if (tensor) return tensor;
  throw new KappaError(
    'ERR_ARGUMENT',
    'The memory buffer needs the embeddings and sampleIndex of the batch.',
  );
}
