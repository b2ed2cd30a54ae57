import { createHash } from 'node:crypto';
import { RESAMPLE_FILTERS, type ResampleFilter } from '../../lib/data/augment/resample';
import type { WorkImage } from '../../lib/data/augment/work-image';
import { Xoshiro128 } from '../../lib/random';

/** What changes pixels, one function each. */
export interface PixelOperations {
  brightness(image: WorkImage, factor: number): void;
  contrast(image: WorkImage, factor: number): void;
  saturation(image: WorkImage, factor: number): void;
  crop(image: WorkImage, kept: { left: number; top: number; width: number; height: number }): void;
  gaussianBlur(image: WorkImage, sigma: number): void;
  motionBlur(image: WorkImage, length: number, angle: number): void;
  lowResolution(image: WorkImage, scale: number, down: ResampleFilter, up: ResampleFilter): void;
  resize(target: WorkImage, source: WorkImage, filter: ResampleFilter): void;
}

const SIZES = [
  [112, 112],
  [31, 17],
  [5, 64],
  [3, 1],
  [1, 1],
] as const;

/** Noise over shades and edges, the same everywhere: every value, flat and steep places. */
export function patternedImage(height: number, width: number): WorkImage {
  const random = Xoshiro128.fromSeed(height, width);
  const pixels = new Uint8Array(3 * height * width);
  for (let i = 0; i < pixels.length; i++) {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    const noisy = (x >> 3) % 2 === (y >> 3) % 2;
    pixels[i] = noisy ? random.below(256) : (7 * x + 3 * y + 60 * (i % 3)) % 256;
  }
  return { pixels, height, width };
}

/**
 * Hashes of what the operations make of {@link patternedImage}s of several sizes, over the range of their parameters:
 * one hash for an operation and a size.
 */
export function hashPixelOperations(operations: PixelOperations): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const [height, width] of SIZES) {
    const hash = (
      name: string,
      run: (changed: (change: (image: WorkImage) => WorkImage | void) => void) => void,
    ) => {
      const sum = createHash('sha256');
      run((change) => {
        const image = patternedImage(height, width);
        sum.update((change(image) ?? image).pixels);
      });
      hashes[`${name} ${height} x ${width}`] = sum.digest('hex').slice(0, 16);
    };
    for (const name of ['brightness', 'contrast', 'saturation'] as const)
      hash(name, (changed) => {
        for (const factor of [0, 0.3, 0.5, 0.83, 1, 1.2345, 1.5, 2, 7])
          changed((image) => operations[name](image, factor));
      });
    hash('crop', (changed) => {
      const random = Xoshiro128.fromSeed(7);
      for (let i = 0; i < 9; i++) {
        const [w, h] = [1 + random.below(width), 1 + random.below(height)];
        const kept = {
          left: random.below(width - w + 1),
          top: random.below(height - h + 1),
          width: w,
          height: h,
        };
        changed((image) => operations.crop(image, kept));
      }
    });
    hash('gaussianBlur', (changed) => {
      for (const sigma of [0, 0.05, 0.3, 0.5, 1, 2, 2.7, 8])
        changed((image) => operations.gaussianBlur(image, sigma));
    });
    hash('motionBlur', (changed) => {
      for (const length of [1, 3, 6.3, 11, 31])
        for (const angle of [0, 0.3, Math.PI / 2, 2.5])
          changed((image) => operations.motionBlur(image, length, angle));
    });
    for (const down of RESAMPLE_FILTERS) {
      hash(`lowResolution ${down}`, (changed) => {
        for (const up of RESAMPLE_FILTERS)
          for (const scale of [0.05, 0.2, 0.37, 0.5, 0.71, 0.99, 1])
            changed((image) => operations.lowResolution(image, scale, down, up));
      });
      hash(`resize ${down}`, (changed) => {
        for (const size of [1, 2, 13, 40, 112])
          for (const other of [1, 5, 112])
            changed((image) => {
              const pixels = new Uint8Array(3 * size * other);
              const target = { pixels, height: size, width: other };
              operations.resize(target, image, down);
              return target;
            });
      });
    }
  }
  return hashes;
}
