/** Owners are numbers below this. */
const OWNERS = 2 ** 21;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** A float32 and its owner as one number; of two, the one with the larger float is the larger. */
function pack(value: number, owner: number): number {
  float[0] = value === 0 ? 0 : value;
  const word = bits[0]!;
  const ascending = word & 0x80000000 ? ~word >>> 0 : word + 0x80000000;
  return ascending * OWNERS + owner;
}

function valueOf(packed: number): number {
  const ascending = Math.floor(packed / OWNERS);
  bits[0] = ascending >= 0x80000000 ? ascending - 0x80000000 : ~ascending;
  return float[0]!;
}

/** Keeps the largest of any number of float32 values and whose they are, and no more memory than a few times as many. */
export class Largest {
  readonly #count: number;
  readonly #values: Float64Array;
  #filled = 0;
  #least = -Infinity;

  /** @param count how many are kept */
  constructor(count: number) {
    this.#count = count;
    this.#values = new Float64Array(Math.max(1024, 4 * count));
  }

  /** @param owner a number below 2^21 */
  add(value: number, owner = 0): void {
    if (value <= this.#least) return;
    this.#values[this.#filled++] = pack(value, owner);
    if (this.#filled === this.#values.length) this.#cut();
  }

  /** The n-th largest, from 1 on; undefined where there are not so many. */
  nth(n: number): number | undefined {
    this.#cut();
    return n <= this.#filled ? valueOf(this.#values[n - 1]!) : undefined;
  }

  /** All that are kept, falling, and the owner of each. */
  all(): { values: Float32Array; owners: Int32Array } {
    this.#cut();
    const kept = this.#values.subarray(0, this.#filled);
    return {
      values: Float32Array.from(kept, valueOf),
      owners: Int32Array.from(kept, (packed) => packed % OWNERS),
    };
  }

  #cut(): void {
    this.#values.subarray(0, this.#filled).sort().reverse();
    if (this.#filled < this.#count) return;
    this.#filled = this.#count;
    this.#least = valueOf(this.#values[this.#count - 1]!);
  }
}
