export const RESAMPLE_FILTERS = ['nearest', 'bilinear', 'area', 'bicubic'] as const;

/**
 * How pixels are made of others, with the centres of pixels at halves: `area` averages what a pixel covers; `bilinear`
 * (2 x 2) and `bicubic` (4 x 4, a = -0.75) look at the nearest pixels only, as fast scalers do, also when they shrink.
 */
export type ResampleFilter = (typeof RESAMPLE_FILTERS)[number];

/** For each pixel of a resized row: which pixels it is made of, and their weights. */
interface Taps {
  count: number;
  index: Int32Array;
  weight: Float64Array;
}

/** Resizes 8-bit RGB images, separably; its memory is reused. */
export class Resampler {
  readonly #horizontal: Taps;
  readonly #vertical: Taps;
  readonly #rows: Float32Array;

  /** @param maxSide of all images, before and after */
  constructor(maxSide: number) {
    // The fewer pixels a row gets, the more taps each has: together at most this many.
    const taps = () => ({
      count: 0,
      index: new Int32Array(4 * maxSide),
      weight: new Float64Array(4 * maxSide),
    });
    this.#horizontal = taps();
    this.#vertical = taps();
    this.#rows = new Float32Array(3 * maxSide * maxSide);
  }

  /** @param from, to height and width of the image before and after */
  resize(
    source: Uint8ClampedArray,
    from: readonly [number, number],
    target: Uint8ClampedArray,
    to: readonly [number, number],
    filter: ResampleFilter,
  ): void {
    fillTaps(this.#vertical, from[0], to[0], filter);
    fillTaps(this.#horizontal, from[1], to[1], filter);
    resizeRows(source, this.#rows, from, to[1], this.#horizontal);
    resizeColumns(this.#rows, target, 3 * to[1], to[0], this.#vertical);
  }
}

function resizeRows(
  source: Uint8ClampedArray,
  rows: Float32Array,
  [height, width]: readonly [number, number],
  newWidth: number,
  { count, index, weight }: Taps,
): void {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < newWidth; x++) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let k = x * count; k < (x + 1) * count; k++) {
        const at = 3 * (y * width + index[k]!);
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

function resizeColumns(
  rows: Float32Array,
  target: Uint8ClampedArray,
  length: number,
  newHeight: number,
  { count, index, weight }: Taps,
): void {
  for (let y = 0; y < newHeight; y++)
    for (let i = 0; i < length; i += 3) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let k = y * count; k < (y + 1) * count; k++) {
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

function fillTaps(taps: Taps, from: number, to: number, filter: ResampleFilter): void {
  const scale = from / to;
  const { index, weight } = taps;
  // Enlarged, a pixel covers less than one: the average of what it covers is that of at most two pixels.
  taps.count = { nearest: 1, bilinear: 2, bicubic: 4, area: Math.min(from, Math.ceil(scale) + 1) }[filter];
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const first =
      filter === 'nearest'
        ? Math.floor(centre)
        : filter === 'area'
          ? Math.floor(i * scale)
          : Math.floor(centre - 0.5) - (filter === 'bicubic' ? 1 : 0);
    for (let k = 0; k < taps.count; k++) {
      index[i * taps.count + k] = Math.min(from - 1, Math.max(0, first + k));
      weight[i * taps.count + k] =
        filter === 'nearest'
          ? 1
          : filter === 'area'
            ? Math.max(0, Math.min(first + k + 1, (i + 1) * scale) - Math.max(first + k, i * scale)) / scale
            : (filter === 'bicubic' ? cubic : tent)(Math.abs(first + k + 0.5 - centre));
    }
  }
}

function tent(distance: number): number {
  return Math.max(0, 1 - distance);
}

function cubic(x: number): number {
  const a = -0.75;
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}
