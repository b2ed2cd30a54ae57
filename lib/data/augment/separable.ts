/** For each pixel of a row (or column) that is made: which pixels it is made of, and their weights. */
export interface Taps {
  /** Taps of each pixel. */
  count: number;
  index: Int32Array;
  weight: Float64Array;
}

/** Room for that many taps in all. */
export function makeTaps(capacity: number): Taps {
  return { count: 0, index: new Int32Array(capacity), weight: new Float64Array(capacity) };
}

/** Makes 8-bit RGB images of others, by sums along rows and then along columns; its memory is reused. */
export class SeparableFilter {
  readonly #rows: Float32Array;

  /** @param maxPixels of the height of an image before, times its width afterwards */
  constructor(maxPixels: number) {
    this.#rows = new Float32Array(3 * maxPixels);
  }

  /**
   * @param target may be the source itself
   * @param from, to height and width of the image before and after
   */
  apply(
    source: Uint8ClampedArray,
    from: readonly [number, number],
    target: Uint8ClampedArray,
    to: readonly [number, number],
    { horizontal, vertical }: { horizontal: Taps; vertical: Taps },
  ): void {
    filterRows(source, this.#rows, from, to[1], horizontal);
    filterColumns(this.#rows, target, 3 * to[1], to[0], vertical);
  }
}

// A whole pixel at a time: weights and places are looked up once for three channels.

function filterRows(
  source: Uint8ClampedArray,
  rows: Float32Array,
  [height, width]: readonly [number, number],
  newWidth: number,
  { count, index, weight }: Taps,
): void {
  for (let y = 0; y < height; y++) {
    const start = 3 * y * width;
    for (let x = 0; x < newWidth; x++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let k = x * count; k < (x + 1) * count; k++) {
        const at = start + 3 * index[k]!;
        const share = weight[k]!;
        red += share * source[at]!;
        green += share * source[at + 1]!;
        blue += share * source[at + 2]!;
      }
      const to = 3 * (y * newWidth + x);
      rows[to] = red;
      rows[to + 1] = green;
      rows[to + 2] = blue;
    }
  }
}

function filterColumns(
  rows: Float32Array,
  target: Uint8ClampedArray,
  length: number,
  newHeight: number,
  { count, index, weight }: Taps,
): void {
  for (let y = 0; y < newHeight; y++) {
    const [first, end] = [y * count, (y + 1) * count];
    for (let i = 0; i < length; i += 3) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let k = first; k < end; k++) {
        const at = index[k]! * length + i;
        const share = weight[k]!;
        red += share * rows[at]!;
        green += share * rows[at + 1]!;
        blue += share * rows[at + 2]!;
      }
      const to = y * length + i;
      target[to] = red;
      target[to + 1] = green;
      target[to + 2] = blue;
    }
  }
}
