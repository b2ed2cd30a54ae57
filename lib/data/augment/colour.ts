import { pixelsAddon } from '../../native/pixels';
import type { WorkImage } from './work-image';

/** Multiplies every value by a factor. */
export function adjustBrightness({ pixels, height, width }: WorkImage, factor: number): void {
  pixelsAddon().brightness(pixels, height, width, factor);
}

/** Moves every value away from the mean luma of the image (factor above 1) or towards it (below 1). */
export function adjustContrast({ pixels, height, width }: WorkImage, factor: number): void {
  pixelsAddon().contrast(pixels, height, width, factor);
}

/** Moves every value away from the luma of its own pixel (factor above 1) or towards it (below 1). */
export function adjustSaturation({ pixels, height, width }: WorkImage, factor: number): void {
  pixelsAddon().saturation(pixels, height, width, factor);
}

/** Gives all channels of a pixel its luma (ITU-R BT.601, as in JPEG). */
export function toGrey(image: WorkImage): void {
  adjustSaturation(image, 0);
}
