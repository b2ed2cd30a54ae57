import { pixelsAddon, type FilterNumber } from '../../native/pixels';
import type { WorkImage } from './work-image';

export const RESAMPLE_FILTERS = ['nearest', 'bilinear', 'area', 'bicubic'] as const;

/**
 * How pixels are made of others, with the centres of pixels at halves: `area` averages what a pixel covers; `bilinear`
 * (2 x 2) and `bicubic` (4 x 4, a = -0.75) look at the nearest pixels only, as fast scalers do, also when they shrink.
 */
export type ResampleFilter = (typeof RESAMPLE_FILTERS)[number];

/** Fills an image with another one of any size. */
export function resizeInto(target: WorkImage, source: WorkImage, filter: ResampleFilter): void {
  pixelsAddon().resize(
    ...([source.pixels, source.height, source.width, target.pixels, target.height, target.width] as const),
    numberOf(filter),
  );
}

/**
 * Makes an image small and large again.
 * @param scale side of the small image over that of the image, above 0 and at most 1
 */
export function lowerResolution(
  { pixels, height, width }: WorkImage,
  scale: number,
  down: ResampleFilter,
  up: ResampleFilter,
): void {
  const side = (length: number) => Math.max(1, Math.round(scale * length));
  pixelsAddon().lowResolution(
    ...([pixels, height, width, side(height), side(width)] as const),
    numberOf(down),
    numberOf(up),
  );
}

/** The addon knows filters by their place in the list. */
function numberOf(filter: ResampleFilter): FilterNumber {
  return RESAMPLE_FILTERS.indexOf(filter) as FilterNumber;
}
