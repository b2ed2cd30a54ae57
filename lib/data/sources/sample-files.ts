import { doubled, range } from '../number-arrays';
import type { FileStore } from '../sample-table';

/** Image files in the order they were added. */
export interface ListedFiles {
  store: FileStore;
  keys: Uint32Array;
  offsets: Float64Array;
  labels: Int32Array;
}

const POINT_NUMBERS = 10;

/** Collects image files with their classes in a few flat arrays: millions of paths would not fit in as many strings. */
export class SampleFiles {
  #paths = Buffer.alloc(1 << 16);
  #bytes = 0;
  #offsets = new Float64Array(1024);
  #labels = new Int32Array(1024);
  #points: Float32Array | null = null;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @param points five points as [x, y] */
  add(path: string, label: number, points?: readonly (readonly [number, number])[]): void {
    if (this.#count === this.#labels.length) {
      this.#offsets = doubled(this.#offsets);
      this.#labels = doubled(this.#labels);
    }
    const length = Buffer.byteLength(path);
    while (this.#bytes + length + 1 > this.#paths.length)
      this.#paths = Buffer.concat([this.#paths, Buffer.alloc(this.#paths.length)]);
    this.#offsets[this.#count] = this.#bytes;
    this.#paths.write(path, this.#bytes);
    this.#bytes += length + 1; // a zero byte ends it
    this.#paths[this.#bytes - 1] = 0;
    if (points) this.#setPoints(points);
    this.#labels[this.#count++] = label;
  }

  /** @param root the folder that the paths are relative to */
  finish(root: string): ListedFiles {
    const count = this.#count;
    const paths = new Uint8Array(new SharedArrayBuffer(this.#bytes));
    paths.set(this.#paths.subarray(0, this.#bytes));
    return {
      store: { kind: 'files', root, paths, points: this.#sharedPoints() },
      keys: range(count),
      offsets: this.#offsets.slice(0, count),
      labels: this.#labels.slice(0, count),
    };
  }

  #setPoints(points: readonly (readonly [number, number])[]): void {
    this.#points ??= new Float32Array(POINT_NUMBERS * this.#labels.length).fill(NaN);
    while (this.#points.length < POINT_NUMBERS * (this.#count + 1)) {
      const filled = this.#points.length;
      this.#points = doubled(this.#points).fill(NaN, filled);
    }
    this.#points.set(points.flat(), POINT_NUMBERS * this.#count);
  }

  #sharedPoints(): Float32Array | null {
    if (this.#points === null) return null;
    const shared = new Float32Array(new SharedArrayBuffer(4 * POINT_NUMBERS * this.#count)).fill(NaN);
    shared.set(this.#points.subarray(0, shared.length));
    return shared;
  }
}
