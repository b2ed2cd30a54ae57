import { SeparableFilter, makeTaps, type Taps } from './separable';

export const RESAMPLE_FILTERS = ['nearest', 'bilinear', 'area', 'bicubic'] as const;

/**
 * How pixels are made of others, with the centres of pixels at halves: `area` averages what a pixel covers; `bilinear`
 * (2 x 2) and `bicubic` (4 x 4, a = -0.75) look at the nearest pixels only, as fast scalers do, also when they shrink.
 */
export type ResampleFilter = (typeof RESAMPLE_FILTERS)[number];

/** Resizes 8-bit RGB images, separably; its memory is reused. */
export class Resampler {
  readonly #filter: SeparableFilter;
  readonly #taps: { horizontal: Taps; vertical: Taps };

  /** @param maxSide of all images, before and after */
  constructor(maxSide: number) {
    this.#filter = new SeparableFilter(maxSide * maxSide);
    // The fewer pixels a row gets, the more taps each has: together at most this many.
    this.#taps = { horizontal: makeTaps(4 * maxSide), vertical: makeTaps(4 * maxSide) };
  }

  /** @param from, to height and width of the image before and after */
  resize(
    source: Uint8ClampedArray,
    from: readonly [number, number],
    target: Uint8ClampedArray,
    to: readonly [number, number],
    filter: ResampleFilter,
  ): void {
    fillTaps(this.#taps.vertical, from[0], to[0], filter);
    fillTaps(this.#taps.horizontal, from[1], to[1], filter);
    this.#filter.apply(source, from, target, to, this.#taps);
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
