import { pixelsAddon } from '../../native/pixels';
import type { WorkImage } from './work-image';

/** Averages images along a straight way; edges are continued by the pixels at the edge. Its memory is reused. */
export class MotionBlur {
  readonly #kernel: Float64Array;
  readonly #weights: Float64Array;
  readonly #places: Uint32Array;

  constructor(maxLength: number) {
    const side = 2 * radiusOf(maxLength) + 1;
    this.#kernel = new Float64Array(side * side);
    this.#weights = new Float64Array(side * side);
    this.#places = new Uint32Array(side * side);
  }

  /**
   * @param length of the way in pixels, 1 to maxLength
   * @param angle of the way in radians, from the x axis downwards
   */
  apply({ pixels, height, width }: WorkImage, length: number, angle: number): void {
    const radius = radiusOf(length);
    const taps = this.#buildTaps(length, angle, radius);
    const [weights, places] = [this.#weights.subarray(0, taps), this.#places.subarray(0, taps)];
    pixelsAddon().convolve(pixels, height, width, radius, weights, places);
  }

  /** Spreads points along the way over the pixels around them; returns the number of pixels with a weight. */
  #buildTaps(length: number, angle: number, radius: number): number {
    const side = 2 * radius + 1;
    const kernel = this.#kernel.fill(0, 0, side * side);
    // Two points a pixel, so that no pixel of the way is left out.
    const points = Math.max(1, Math.ceil(2 * (length - 1)) + 1);
    for (let p = 0; p < points; p++) {
      const way = points === 1 ? 0 : (length - 1) * (p / (points - 1) - 0.5);
      const [x, y] = [radius + way * Math.cos(angle), radius + way * Math.sin(angle)];
      const [left, top] = [Math.floor(x), Math.floor(y)];
      for (const [row, share] of [
        [top, 1 - (y - top)],
        [top + 1, y - top],
      ] as const) {
        if (row >= side || share === 0) continue;
        kernel[row * side + left]! += (share * (1 - (x - left))) / points;
        if (left + 1 < side) kernel[row * side + left + 1]! += (share * (x - left)) / points;
      }
    }
    let taps = 0;
    for (let i = 0; i < side * side; i++) {
      if (kernel[i] === 0) continue;
      this.#weights[taps] = kernel[i]!;
      this.#places[taps++] = i;
    }
    return taps;
  }
}

function radiusOf(length: number): number {
  return Math.ceil((length - 1) / 2) + 1;
}
