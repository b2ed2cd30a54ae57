import { pixelsAddon } from '../../native/pixels';
import type { Xoshiro128 } from '../../random';
import { between } from './draw';
import type { AugmentOptions } from './options';
import type { WorkImage } from './work-image';

/** A rectangle in pixels. */
export interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Draws a rectangle of the wanted area and shape, cut off where it would be larger than the image. */
export function drawRectangle(
  { height, width }: WorkImage,
  { area, aspect }: AugmentOptions['crop'],
  random: Xoshiro128,
): Rectangle {
  const share = between(area, random);
  const ratio = Math.exp(between([Math.log(aspect[0]), Math.log(aspect[1])], random));
  const side = (length: number, part: number) => Math.min(length, Math.max(1, Math.round(length * part)));
  const [w, h] = [side(width, Math.sqrt(share * ratio)), side(height, Math.sqrt(share / ratio))];
  return { width: w, height: h, left: random.below(width - w + 1), top: random.below(height - h + 1) };
}

/** Keeps a rectangle where it is and makes the rest black: a face cut off by the frame, still aligned. */
export function cropAndPad({ pixels, height, width }: WorkImage, kept: Rectangle): void {
  pixelsAddon().crop(pixels, height, width, kept.left, kept.top, kept.width, kept.height);
}
