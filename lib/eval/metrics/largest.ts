/** Keeps the largest of any number of values, and no more memory than a few times as many. */
export class Largest {
  readonly #count: number;
  readonly #values: Float32Array;
  #filled = 0;
  #least = -Infinity;

  /** @param count how many are kept */
  constructor(count: number) {
    this.#count = count;
    this.#values = new Float32Array(Math.max(1024, 4 * count));
  }

  add(value: number): void {
    if (value <= this.#least) return;
    this.#values[this.#filled++] = value;
    if (this.#filled === this.#values.length) this.#cut();
  }

  /** The n-th largest, from 1 on; undefined where there are not so many. */
  nth(n: number): number | undefined {
    this.#cut();
    return n <= this.#filled ? this.#values[n - 1] : undefined;
  }

  #cut(): void {
    this.#values.subarray(0, this.#filled).sort().reverse();
    if (this.#filled < this.#count) return;
    this.#filled = this.#count;
    this.#least = this.#values[this.#count - 1]!;
  }
}
