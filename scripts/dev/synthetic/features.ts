import { open } from 'node:fs/promises';

import { npyHeader } from '../../../lib/io/npy';
import { Xoshiro128 } from '../../../lib/random';

/** Standard normal numbers, two from each pair of uniform ones (Box and Muller). */
export class Normal {
  readonly #random: Xoshiro128;
  #spare: number | undefined;

  constructor(...seeds: number[]) {
    this.#random = Xoshiro128.fromSeed(...seeds);
  }

  next(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.#random.uniform()));
    const angle = 2 * Math.PI * this.#random.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/** Features of people: a person's are about a centre of its own, drawn from the seed and the person's number alone. */
export class SyntheticFeatures {
  readonly #centres = new Map<number, Float32Array>();

  constructor(
    readonly dimension: number,
    readonly seed: number,
  ) {}

  /**
   * Writes a feature at length 1 into `out`.
   *
   * @param person below 0 for somebody of whom there is no other photo
   * @param noise length of the photo's own part, where the centre's is 1
   */
  draw(out: Float32Array, { person, photo, noise }: { person: number; photo: number; noise: number }): void {
    const own = new Normal(this.seed, 2, person, photo);
    const centre = person < 0 ? undefined : this.#centreOf(person);
    const scale = noise / Math.sqrt(this.dimension);
    let squares = 0;
    for (let d = 0; d < this.dimension; d++) {
      const value = (centre ? centre[d]! : 0) + scale * own.next();
      out[d] = value;
      squares += value * value;
    }
    const length = Math.sqrt(squares);
    for (let d = 0; d < this.dimension; d++) out[d]! /= length;
  }

  #centreOf(person: number): Float32Array {
    let centre = this.#centres.get(person);
    if (!centre) {
      const normal = new Normal(this.seed, 1, person);
      centre = Float32Array.from({ length: this.dimension }, () => normal.next() / Math.sqrt(this.dimension));
      this.#centres.set(person, centre);
    }
    return centre;
  }
}

const ROWS_AT_ONCE = 4096;

/** Writes a `.npy` of any number of rows, some at a time. */
export async function writeFeatureTable(
  file: string,
  { rows, columns }: { rows: number; columns: number },
  draw: (row: number, out: Float32Array) => void,
): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await handle.write(npyHeader(rows, columns));
    const some = new Float32Array(Math.min(rows, ROWS_AT_ONCE) * columns);
    for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
      const count = Math.min(ROWS_AT_ONCE, rows - from);
      for (let i = 0; i < count; i++) draw(from + i, some.subarray(i * columns, (i + 1) * columns));
      await handle.write(Buffer.from(some.buffer, 0, 4 * count * columns));
    }
  } finally {
    await handle.close();
  }
}
