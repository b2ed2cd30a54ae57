import { KappaError, argumentError } from '../../errors';
import { BlockOrder } from './block-order';
import { resolveOptions } from '../../options/check';
import type { Output } from '../../options/schema';
import { mix32, mixSeeds } from '../../random';
import type { SamplerSettings } from './option-types';
import { samplerOptions } from './options';
import { WholeOrder, type SampleOrder, type WeightedRange } from './sample-order';

/** In which order samples come. */
export type ShuffleMode = NonNullable<SamplerSettings['shuffle']>;

type Settings = Output<typeof samplerOptions>;

// Batch normalisation cannot train on one.
const LEAST_SAMPLES = 2;

/** What a {@link Sampler} orders, and for which rank. */
export interface SamplerOptions extends SamplerSettings {
  /**
   * The parts of the dataset with their weights, one after the other. An epoch draws weight times each part's samples
   * (rounded, at least one); the draws of all epochs go through the part cycle by cycle, so that each of its samples
   * comes equally often, give or take one.
   * @default the whole dataset with weight 1: each sample once an epoch
   */
  parts?: readonly { length: number; weight: number }[];
}

/**
 * Says which samples make up each batch. The order depends on seed and epoch alone. An optimizer step takes the next
 * `batchSize * accumulate * worldSize` samples of it, cut into batches one after the other: the first `accumulate` of them
 * are those of rank 0, the next those of rank 1. So W ranks with A batches a step see what one rank with W A batches does.
 * Any batch can be asked for at any time, so that training resumes anywhere.
 *
 * With `dropLast: false` the last step has what is left of the order, in batches of equal size on all ranks, of at least
 * two samples each since batch normalisation needs them; what is missing for that is taken from the beginning of the
 * order again. Only where a step is a single batch (one rank, `accumulate` 1) it is left as small as it comes.
 */
export class Sampler {
  /** Batches of an epoch, the same on every rank: a multiple of `accumulate`. */
  readonly numBatches: number;
  /** The order in blocks, where that is asked for. */
  readonly blockOrder: BlockOrder | undefined;
  readonly #options: Settings;
  readonly #order: SampleOrder;
  /** Steps of full batches. */
  readonly #wholeSteps: number;
  /** Samples of a batch of the step after those. */
  readonly #lastSize: number;

  /** @throws KappaError ERR_ARGUMENT; ERR_CONFIG when there is not one whole batch */
  constructor({ parts, ...options }: SamplerOptions) {
    const settings = resolveOptions(samplerOptions(), options);
    const { batchSize, accumulate, worldSize, seed, shuffle, blockSize, windowBlocks } = settings;
    this.#options = settings;
    const ranges = toRanges(parts ?? [{ length: settings.length, weight: 1 }], settings.length);
    this.blockOrder =
      shuffle === 'block' ? new BlockOrder(ranges, { seed, blockSize, windowBlocks }) : undefined;
    this.#order = this.blockOrder ?? new WholeOrder(ranges, seed, shuffle !== false);
    const { length } = this.#order;
    checkInteger('the draws of an epoch', length, 1, 2 ** 32 - 1);
    const batches = accumulate * worldSize;
    this.#wholeSteps = Math.floor(length / (batchSize * batches));
    this.#lastSize = lastBatchSize(length - this.#wholeSteps * batchSize * batches, settings);
    this.numBatches = (this.#wholeSteps + (this.#lastSize > 0 ? 1 : 0)) * accumulate;
    if (this.numBatches === 0)
      throw new KappaError(
        'ERR_CONFIG',
        `An epoch has ${length} samples, less than one global batch of ${batchSize * batches} (${shares(settings)}). Choose a smaller batch, or keep the last, smaller one (dropLast: false).`,
      );
  }

  /** Samples drawn in an epoch, by all ranks together and before an incomplete batch is dropped. */
  get epochLength(): number {
    return this.#order.length;
  }

  /**
   * The samples of this rank's batch `index` in epoch `epoch`.
   * @throws KappaError ERR_ARGUMENT
   */
  batch(epoch: number, index: number): Uint32Array {
    checkInteger('epoch', epoch, 0, Number.MAX_SAFE_INTEGER);
    const [from, size] = this.#stretch(index);
    const samples = new Uint32Array(size);
    for (let k = 0; k < size; k++) samples[k] = this.#order.at(epoch, (from + k) % this.#order.length);
    return samples;
  }

  /** The first and the last position of this rank's batch `index` in the order of the epoch. */
  positions(index: number): [first: number, last: number] {
    const [from, size] = this.#stretch(index);
    const { length } = this.#order;
    return [from % length, (from + size - 1) % length];
  }

  /** Where a batch begins in the order; one of the last step may begin or go on beyond its end. */
  #stretch(index: number): [from: number, size: number] {
    checkInteger('index', index, 0, this.numBatches - 1);
    const { batchSize, accumulate, rank, worldSize } = this.#options;
    const step = Math.floor(index / accumulate);
    const size = step < this.#wholeSteps ? batchSize : this.#lastSize;
    const number = rank * accumulate + (index % accumulate);
    return [step * batchSize * accumulate * worldSize + number * size, size];
  }
}

/**
 * Which samples are mirrored in an epoch: half of them, by seed, epoch and sample index alone.
 * @returns a function from the sample's index to 1 (mirror) or 0
 */
export function flipFlags(seed: number, epoch: number): (sampleIndex: number) => 0 | 1 {
  // A third word sets this stream apart from the shuffle's.
  const [key] = mixSeeds([seed, epoch, 0xf11b]);
  const [high, low] = [Number(key >> 32n), Number(key & 0xffffffffn)];
  return (sampleIndex) => (mix32(mix32(sampleIndex ^ high) ^ low) >>> 31 ? 1 : 0);
}

/** Samples of each batch of the last step, which has `left` samples: none where it is dropped. */
function lastBatchSize(left: number, { batchSize, accumulate, worldSize, dropLast }: Settings): number {
  const batches = accumulate * worldSize;
  if (dropLast || left === 0 || batches === 1) return dropLast ? 0 : left;
  return Math.max(Math.ceil(left / batches), Math.min(LEAST_SAMPLES, batchSize));
}

/** What the ranks have of a global batch, for an error. */
function shares({ batchSize, accumulate, worldSize }: Settings): string {
  const batches = accumulate > 1 ? `${accumulate} batches of ${batchSize}` : `${batchSize}`;
  return `${batches} on ${worldSize > 1 ? `each of ${worldSize} ranks` : '1 rank'}`;
}

function toRanges(parts: readonly { length: number; weight: number }[], total: number): WeightedRange[] {
  let start = 0;
  const ranges = parts.map(({ length, weight }) => {
    if (!Number.isInteger(length) || length < 0)
      throw argumentError('parts', 'lengths of at least 0', length);
    if (!(weight > 0 && Number.isFinite(weight))) throw argumentError('parts', 'weights above 0', weight);
    start += length;
    return { start: start - length, length, weight };
  });
  if (start !== total) throw argumentError('parts', `lengths that add up to ${total}`, start);
  return ranges;
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw argumentError(name, `an integer from ${min} to ${max}`, value);
}
