import { Resampler, type ResampleFilter } from './resample';
import type { WorkImage } from './work-image';

/** Makes images small and large again. */
export class LowResolution {
  readonly #resampler: Resampler;
  readonly #small: Uint8ClampedArray;

  constructor(height: number, width: number) {
    this.#resampler = new Resampler(Math.max(height, width));
    this.#small = new Uint8ClampedArray(3 * height * width);
  }

  /** @param scale side of the small image over that of the image, above 0 and at most 1 */
  apply({ pixels, height, width }: WorkImage, scale: number, down: ResampleFilter, up: ResampleFilter): void {
    const size = [height, width] as const;
    const small = [Math.max(1, Math.round(scale * height)), Math.max(1, Math.round(scale * width))] as const;
    this.#resampler.resize(pixels, size, this.#small, small, down);
    this.#resampler.resize(this.#small, small, pixels, size, up);
  }
}
