import type { WorkImage } from './work-image';

/** Convolves images with a Gaussian; edges are continued by the pixels at the edge. */
export class GaussianBlur {
  readonly #weights: Float64Array;
  readonly #row: Float64Array;
  readonly #blurredRows: Float32Array;
  readonly #rowAt: Int32Array;

  constructor(height: number, width: number, maxSigma: number) {
    const radius = radiusOf(maxSigma);
    this.#weights = new Float64Array(2 * radius + 1);
    this.#rowAt = new Int32Array(2 * radius + 1);
    this.#row = new Float64Array(3 * (width + 2 * radius));
    this.#blurredRows = new Float32Array(3 * width * height);
  }

  /** @param sigma standard deviation in pixels, at most maxSigma */
  apply({ pixels, height, width }: WorkImage, sigma: number): void {
    if (sigma < 0.05) return; // its kernel is a single pixel
    const radius = radiusOf(sigma);
    const [weights, row, rows, rowAt] = [this.#weights, this.#row, this.#blurredRows, this.#rowAt];
    const taps = 2 * radius + 1;
    const length = 3 * width;
    fillWeights(weights, radius, sigma);
    for (let y = 0; y < height; y++) {
      padRow(row, pixels, y * length, length, radius);
      // A whole pixel at a time: weights and bounds are looked up once for three channels.
      for (let i = 0; i < length; i += 3) {
        let red = 0;
        let green = 0;
        let blue = 0;
        for (let k = 0, at = i; k < taps; k++, at += 3) {
          const weight = weights[k]!;
          red += weight * row[at]!;
          green += weight * row[at + 1]!;
          blue += weight * row[at + 2]!;
        }
        const to = y * length + i;
        rows[to] = red;
        rows[to + 1] = green;
        rows[to + 2] = blue;
      }
    }
    for (let y = 0; y < height; y++) {
      for (let k = 0; k < taps; k++) rowAt[k] = Math.min(height - 1, Math.max(0, y + k - radius)) * length;
      for (let i = 0; i < length; i += 3) {
        let red = 0;
        let green = 0;
        let blue = 0;
        for (let k = 0; k < taps; k++) {
          const weight = weights[k]!;
          const at = rowAt[k]! + i;
          red += weight * rows[at]!;
          green += weight * rows[at + 1]!;
          blue += weight * rows[at + 2]!;
        }
        const to = y * length + i;
        pixels[to] = red;
        pixels[to + 1] = green;
        pixels[to + 2] = blue;
      }
    }
  }
}

function radiusOf(sigma: number): number {
  return Math.max(1, Math.ceil(3 * sigma));
}

function fillWeights(weights: Float64Array, radius: number, sigma: number): void {
  let total = 0;
  for (let k = -radius; k <= radius; k++) {
    const weight = Math.exp(-0.5 * (k / sigma) ** 2);
    weights[k + radius] = weight;
    total += weight;
  }
  for (let k = 0; k <= 2 * radius; k++) weights[k]! /= total;
}

function padRow(row: Float64Array, pixels: Uint8ClampedArray, from: number, length: number, radius: number) {
  for (let i = 0; i < length; i++) row[3 * radius + i] = pixels[from + i]!;
  for (let i = 0; i < 3 * radius; i++) {
    row[i] = pixels[from + (i % 3)]!;
    row[3 * radius + length + i] = pixels[from + length - 3 + (i % 3)]!;
  }
}
