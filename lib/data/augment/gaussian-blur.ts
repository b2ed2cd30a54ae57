import { pixelsAddon } from '../../native/pixels';
import type { WorkImage } from './work-image';

/**
 * Convolves an image with a Gaussian of radius 3 sigma; edges are continued by the pixels at the edge.
 * @param sigma standard deviation in pixels
 */
export function blurGaussian({ pixels, height, width }: WorkImage, sigma: number): void {
  if (sigma < 0.05) return; // its kernel is a single pixel
  pixelsAddon().blur(pixels, height, width, gaussianWeights(sigma));
}

// Exponentials are taken here and not in C++: these are the same on every machine.
function gaussianWeights(sigma: number): Float64Array {
  const radius = Math.max(1, Math.ceil(3 * sigma));
  const weights = new Float64Array(2 * radius + 1);
  let total = 0;
  for (let k = 0; k < weights.length; k++) {
    weights[k] = Math.exp(-0.5 * ((k - radius) / sigma) ** 2);
    total += weights[k]!;
  }
  for (let k = 0; k < weights.length; k++) weights[k]! /= total;
  return weights;
}
