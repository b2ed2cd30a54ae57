import type { WorkImage } from './work-image';

/** Averages images along a straight way; edges are continued by the pixels at the edge. */
export class MotionBlur {
  readonly #kernel: Float64Array;
  readonly #maxRadius: number;
  readonly #padded: Uint8ClampedArray;
  readonly #weights: Float64Array;
  readonly #offsets: Int32Array;

  constructor(height: number, width: number, maxLength: number) {
    this.#maxRadius = radiusOf(maxLength);
    const side = 2 * this.#maxRadius + 1;
    this.#kernel = new Float64Array(side * side);
    this.#weights = new Float64Array(side * side);
    this.#offsets = new Int32Array(side * side);
    this.#padded = new Uint8ClampedArray(3 * (height + side - 1) * (width + side - 1));
  }

  /**
   * @param length of the way in pixels, 1 to maxLength
   * @param angle of the way in radians, from the x axis downwards
   */
  apply(image: WorkImage, length: number, angle: number): void {
    const { pixels, height, width } = image;
    const radius = radiusOf(length);
    const stride = 3 * (width + 2 * radius);
    const taps = this.#buildTaps(length, angle, radius, stride);
    const [padded, weights, offsets] = [this.#padded, this.#weights, this.#offsets];
    padImage(padded, image, radius);
    for (let y = 0; y < height; y++)
      for (let i = 0; i < 3 * width; i += 3) {
        let red = 0;
        let green = 0;
        let blue = 0;
        for (let k = 0; k < taps; k++) {
          const weight = weights[k]!;
          const at = y * stride + i + offsets[k]!;
          red += weight * padded[at]!;
          green += weight * padded[at + 1]!;
          blue += weight * padded[at + 2]!;
        }
        const to = y * 3 * width + i;
        pixels[to] = red;
        pixels[to + 1] = green;
        pixels[to + 2] = blue;
      }
  }

  /** Spreads points along the way over the pixels around them; returns the number of pixels with a weight. */
  #buildTaps(length: number, angle: number, radius: number, stride: number): number {
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
      this.#offsets[taps++] = Math.floor(i / side) * stride + 3 * (i % side);
    }
    return taps;
  }
}

function radiusOf(length: number): number {
  return Math.ceil((length - 1) / 2) + 1;
}

function padImage(padded: Uint8ClampedArray, { pixels, height, width }: WorkImage, radius: number): void {
  const [length, stride] = [3 * width, 3 * (width + 2 * radius)];
  for (let y = 0; y < height + 2 * radius; y++) {
    const from = Math.min(height - 1, Math.max(0, y - radius)) * length;
    const to = y * stride;
    for (let i = 0; i < length; i++) padded[to + 3 * radius + i] = pixels[from + i]!;
    for (let i = 0; i < 3 * radius; i++) {
      padded[to + i] = pixels[from + (i % 3)]!;
      padded[to + 3 * radius + length + i] = pixels[from + length - 3 + (i % 3)]!;
    }
  }
}
