import type { Colour } from './colour';

/** Pixels along a side of a rendered face. */
export const FACE_SIZE = 112;

/** Samples for each pixel along a side. */
export const RATE = 2;

/** A picture in linear light, `size` samples along a side, `rate` samples for each pixel of the crop. */
export class Picture {
  readonly rate = RATE;
  readonly size = FACE_SIZE * RATE;
  readonly light = new Float32Array(3 * this.size * this.size);

  blend(x: number, y: number, colour: Colour, alpha: number): void {
    const at = 3 * (y * this.size + x);
    for (let c = 0; c < 3; c++) {
      const before = this.light[at + c]!;
      this.light[at + c] = before + (colour[c]! - before) * alpha;
    }
  }

  /** Averages the samples of each pixel. */
  resolve(): Float32Array {
    const { size, light } = this;
    const out = new Float32Array(3 * FACE_SIZE * FACE_SIZE);
    for (let y = 0, to = 0; y < FACE_SIZE; y++) {
      for (let x = 0; x < FACE_SIZE; x++) {
        const at = 3 * (2 * y * size + 2 * x);
        const below = at + 3 * size;
        for (let c = 0; c < 3; c++, to++) {
          out[to] = (light[at + c]! + light[at + 3 + c]! + light[below + c]! + light[below + 3 + c]!) / 4;
        }
      }
    }
    return out;
  }
}
