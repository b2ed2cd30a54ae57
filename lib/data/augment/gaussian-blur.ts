import { SeparableFilter, makeTaps, type Taps } from './separable';
import type { WorkImage } from './work-image';

/** Convolves images with a Gaussian; edges are continued by the pixels at the edge. */
export class GaussianBlur {
  readonly #filter: SeparableFilter;
  readonly #taps: { horizontal: Taps; vertical: Taps };

  constructor(height: number, width: number, maxSigma: number) {
    const taps = 2 * radiusOf(maxSigma) + 1;
    this.#filter = new SeparableFilter(height * width);
    this.#taps = { horizontal: makeTaps(width * taps), vertical: makeTaps(height * taps) };
  }

  /** @param sigma standard deviation in pixels, at most maxSigma */
  apply({ pixels, height, width }: WorkImage, sigma: number): void {
    if (sigma < 0.05) return; // its kernel is a single pixel
    fillTaps(this.#taps.horizontal, width, sigma);
    fillTaps(this.#taps.vertical, height, sigma);
    this.#filter.apply(pixels, [height, width], pixels, [height, width], this.#taps);
  }
}

function radiusOf(sigma: number): number {
  return Math.max(1, Math.ceil(3 * sigma));
}

function fillTaps(taps: Taps, length: number, sigma: number): void {
  const radius = radiusOf(sigma);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, k) =>
    Math.exp(-0.5 * ((k - radius) / sigma) ** 2),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  taps.count = weights.length;
  for (let i = 0, at = 0; i < length; i++)
    for (let k = 0; k < taps.count; k++, at++) {
      taps.index[at] = Math.min(length - 1, Math.max(0, i + k - radius));
      taps.weight[at] = weights[k]! / total;
    }
}
