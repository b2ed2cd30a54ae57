import { KappaError, argumentError } from '../errors';
import { Xoshiro128, mix32, mixSeeds, shuffle } from './random';

export interface SamplerOptions {
  /** Number of samples of the dataset. */
  length: number;
  /** Samples of one batch on one rank. */
  batchSize: number;
  /** Any safe integer of at least 0. */
  seed: number;
  /** @default 0 */
  rank?: number;
  /** @default 1 */
  worldSize?: number;
  /**
   * True: only whole batches, the rest of the shuffled order is left out of this epoch. False: every sample is seen;
   * the order is continued from its start until all ranks have equally many, and the last batch may be smaller.
   * @default true
   */
  dropLast?: boolean;
  /** @default true */
  shuffle?: boolean;
}

/**
 * Says which samples make up each batch. The order depends on seed and epoch alone. The global batch b is always the
 * same stretch of that order; rank r takes every worldSize-th element of it, beginning with the r-th. Any batch can be
 * asked for at any time, so that training resumes anywhere.
 */
export class Sampler {
  /** Batches of an epoch, the same on every rank. */
  readonly numBatches: number;
  readonly #options: Required<SamplerOptions>;
  readonly #perRank: number;
  #epoch = -1;
  #order = new Uint32Array(0);

  /** @throws KappaError ERR_ARGUMENT; ERR_CONFIG when there is not one whole batch */
  constructor(options: SamplerOptions) {
    const full = { rank: 0, worldSize: 1, dropLast: true, shuffle: true, ...withoutUndefined(options) };
    const { length, batchSize, rank, worldSize } = full;
    checkInteger('length', length, 1, 2 ** 32 - 1);
    checkInteger('batchSize', batchSize, 1, 2 ** 20);
    checkInteger('seed', full.seed, 0, Number.MAX_SAFE_INTEGER);
    checkInteger('worldSize', worldSize, 1, 2 ** 20);
    checkInteger('rank', rank, 0, worldSize - 1);
    this.#options = full;
    const whole = Math.floor(length / (batchSize * worldSize));
    this.#perRank = full.dropLast ? whole * batchSize : Math.ceil(length / worldSize);
    this.numBatches = Math.ceil(this.#perRank / batchSize);
    if (this.numBatches === 0)
      throw new KappaError(
        'ERR_CONFIG',
        `The dataset has ${length} samples, less than one global batch of ${batchSize * worldSize} (${batchSize} on each of ${worldSize} ranks). Choose a smaller batch, or keep the last, smaller one (dropLast: false).`,
      );
  }

  /**
   * The samples of this rank's batch `index` in epoch `epoch`.
   * @throws KappaError ERR_ARGUMENT
   */
  batch(epoch: number, index: number): Uint32Array {
    checkInteger('epoch', epoch, 0, Number.MAX_SAFE_INTEGER);
    checkInteger('index', index, 0, this.numBatches - 1);
    const { batchSize, rank, worldSize, length } = this.#options;
    const order = this.#orderOf(epoch);
    const from = index * batchSize;
    const size = Math.min(batchSize, this.#perRank - from);
    return Uint32Array.from({ length: size }, (_, k) => order[((from + k) * worldSize + rank) % length]!);
  }

  #orderOf(epoch: number): Uint32Array {
    if (epoch === this.#epoch) return this.#order;
    const { length, seed } = this.#options;
    if (this.#order.length !== length) this.#order = new Uint32Array(length);
    for (let i = 0; i < length; i++) this.#order[i] = i;
    if (this.#options.shuffle) shuffle(this.#order, Xoshiro128.fromSeed(seed, epoch));
    this.#epoch = epoch;
    return this.#order;
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

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw argumentError(name, `an integer from ${min} to ${max}`, value);
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
