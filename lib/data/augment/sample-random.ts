import { Xoshiro128, mix32, mixSeeds } from '../../random';

// Sets these streams apart from those of the order and of the flips.
const STREAM = 0xa06;

/** Random numbers that depend on seed, epoch, sample and stream alone: on no thread, rank, batch or earlier number. */
export class SampleRandom {
  readonly #seed: number;
  readonly #random = new Xoshiro128([1, 0, 0, 0]);
  readonly #key = new Int32Array(4);
  #epoch = -1;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The stream's numbers from the first on; valid until the next call. */
  stream(epoch: number, sample: number, stream: number): Xoshiro128 {
    if (epoch !== this.#epoch) {
      const [a, b] = mixSeeds([this.#seed, epoch, STREAM]);
      this.#key.set([Number(a >> 32n), Number(a & 0xffffffffn), Number(b >> 32n), Number(b & 0xffffffffn)]);
      this.#epoch = epoch;
    }
    const [k0, k1, k2, k3] = this.#key as unknown as [number, number, number, number];
    const a = mix32(mix32(sample ^ k0) ^ mix32(stream ^ k1));
    const b = mix32(mix32(sample ^ k2) ^ mix32(stream ^ k3));
    // Never all zero: the state would stay so.
    this.#random.reseed(a, b, mix32(a ^ k2), mix32(b ^ k0) | 1);
    return this.#random;
  }
}
