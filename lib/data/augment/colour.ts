import type { WorkImage } from './work-image';

// Luma of ITU-R BT.601, as in JPEG.
const [RED, GREEN, BLUE] = [0.299, 0.587, 0.114];

const table = new Uint8ClampedArray(256);

function lookUp(pixels: Uint8ClampedArray): void {
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[pixels[i]!]!;
}

/** Multiplies every value by a factor. */
export function adjustBrightness({ pixels }: WorkImage, factor: number): void {
  for (let value = 0; value < 256; value++) table[value] = factor * value;
  lookUp(pixels);
}

/** Moves every value away from the mean luma of the image (factor above 1) or towards it (below 1). */
export function adjustContrast({ pixels }: WorkImage, factor: number): void {
  let red = 0;
  let green = 0;
  let blue = 0;
  for (let i = 0; i < pixels.length; i += 3) {
    red += pixels[i]!;
    green += pixels[i + 1]!;
    blue += pixels[i + 2]!;
  }
  const mean = (3 * (RED * red + GREEN * green + BLUE * blue)) / pixels.length;
  for (let value = 0; value < 256; value++) table[value] = mean + factor * (value - mean);
  lookUp(pixels);
}

/** Moves every value away from the luma of its own pixel (factor above 1) or towards it (below 1). */
export function adjustSaturation({ pixels }: WorkImage, factor: number): void {
  for (let i = 0; i < pixels.length; i += 3) {
    const red = pixels[i]!;
    const green = pixels[i + 1]!;
    const blue = pixels[i + 2]!;
    const luma = (1 - factor) * (RED * red + GREEN * green + BLUE * blue);
    pixels[i] = luma + factor * red;
    pixels[i + 1] = luma + factor * green;
    pixels[i + 2] = luma + factor * blue;
  }
}

/** Gives all channels of a pixel its luma. */
export function toGrey(image: WorkImage): void {
  adjustSaturation(image, 0);
}
