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
 * Says which samples make up each batch. The order depends on seed and epoch alone. The global batch b is always the
 * same stretch of that order; rank r takes every worldSize-th element of it, beginning with the r-th. Any batch can be
 * asked for at any time, so that training resumes anywhere.
 */
export class Sampler {
  /** Batches of an epoch, the same on every rank. */
  readonly numBatches: number;
  /** The order in blocks, where that is asked for. */
  readonly blockOrder: BlockOrder | undefined;
  readonly #options: Output<typeof samplerOptions>;
  readonly #order: SampleOrder;
  readonly #perRank: number;

  /** @throws KappaError ERR_ARGUMENT; ERR_CONFIG when there is not one whole batch */
  constructor({ parts, ...options }: SamplerOptions) {
    const settings = resolveOptions(samplerOptions(), options);
    const { batchSize, worldSize, seed, shuffle, blockSize, windowBlocks } = settings;
    this.#options = settings;
    const ranges = toRanges(parts ?? [{ length: settings.length, weight: 1 }], settings.length);
    this.blockOrder =
      shuffle === 'block' ? new BlockOrder(ranges, { seed, blockSize, windowBlocks }) : undefined;
    this.#order = this.blockOrder ?? new WholeOrder(ranges, seed, shuffle !== false);
    const { length } = this.#order;
    checkInteger('the draws of an epoch', length, 1, 2 ** 32 - 1);
    const whole = Math.floor(length / (batchSize * worldSize));
    this.#perRank = settings.dropLast ? whole * batchSize : Math.ceil(length / worldSize);
    this.numBatches = Math.ceil(this.#perRank / batchSize);
    if (this.numBatches === 0)
      throw new KappaError(
        'ERR_CONFIG',
        `An epoch has ${length} samples, less than one global batch of ${batchSize * worldSize} (${batchSize} on each of ${worldSize} ranks). Choose a smaller batch, or keep the last, smaller one (dropLast: false).`,
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
    const { rank, worldSize } = this.#options;
    const [from, size] = this.#stretch(index);
    const samples = new Uint32Array(size);
    for (let k = 0; k < size; k++)
      samples[k] = this.#order.at(epoch, ((from + k) * worldSize + rank) % this.#order.length);
    return samples;
  }

  /** The first and the last position of batch `index` in the order of the epoch, over all ranks. */
  positions(index: number): [first: number, last: number] {
    const { worldSize } = this.#options;
    const [from, size] = this.#stretch(index);
    const { length } = this.#order;
    return [(from * worldSize) % length, ((from + size) * worldSize - 1) % length];
  }

  #stretch(index: number): [from: number, size: number] {
    checkInteger('index', index, 0, this.numBatches - 1);
    const from = index * this.#options.batchSize;
    return [from, Math.min(this.#options.batchSize, this.#perRank - from)];
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
