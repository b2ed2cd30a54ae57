import { requirePixels } from './require-addon';

type Image = [pixels: Uint8Array, height: number, width: number];

/** How pixels are made of others: nearest, bilinear, area, bicubic, by their numbers. */
export type FilterNumber = 0 | 1 | 2 | 3;

/**
 * The small addon (native/pixels/): loops over pixels, without LibTorch. Each thread that loads it has memory of its own
 * there. Images are 8-bit RGB, rows from the top, may lie in shared memory, and are changed in place. Whatever the
 * processor, the results are the same to the bit.
 */
export interface PixelsAddon {
  /** Multiplies every value by a factor. */
  brightness(...args: [...image: Image, factor: number]): void;
  /** Moves every value away from the mean luma of the image (factor above 1) or towards it (below 1). */
  contrast(...args: [...image: Image, factor: number]): void;
  /** Moves every value away from the luma of its own pixel (factor above 1) or towards it (below 1). */
  saturation(...args: [...image: Image, factor: number]): void;
  /** Makes all but a rectangle black. */
  crop(...args: [...image: Image, left: number, top: number, width: number, height: number]): void;
  /** Writes an image of another size; the two may not overlap. */
  resize(...args: [...source: Image, ...target: Image, filter: FilterNumber]): void;
  /** Makes an image small and large again. */
  lowResolution(
    ...args: [...image: Image, height: number, width: number, down: FilterNumber, up: FilterNumber]
  ): void;
  /** Convolves rows and columns with an odd number of weights; edges are continued by the pixels at the edge. */
  blur(...args: [...image: Image, weights: Float64Array]): void;
  /** Convolves with a square of side 2 * radius + 1 that has weights at some of its places only, row by row. */
  convolve(...args: [...image: Image, radius: number, weights: Float64Array, places: Uint32Array]): void;

  /** The instruction sets that the loops can use here, the fastest last. */
  instructionSets(): string[];
  /** The one in use. */
  instructionSet(): string;
  /** Uses another one in the whole process, for tests. */
  useInstructionSet(name: string): void;

  /**
   * Opens a shared library for the rest of the process, so that who needs it by its name finds it: LibTorch, before the
   * other addon is loaded. Absent on Windows.
   */
  openLibrary(path: string): void;
}

let loaded: PixelsAddon | undefined;

/**
 * The addon that works on pixels, loaded at the first call, in milliseconds.
 *
 * @throws KappaError `ERR_ADDON`
 */
export function pixelsAddon(): PixelsAddon {
  loaded ??= requirePixels() as PixelsAddon;
  return loaded;
}
