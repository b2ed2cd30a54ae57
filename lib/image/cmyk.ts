import type sharpModule from 'sharp';

/** Decoded pixels: 8-bit RGB, rows from the top. */
interface Pixels {
  data: Buffer;
  width: number;
  height: number;
}

/** Whether an image is made of inks, as print shops want them. */
export async function isCmyk(open: typeof sharpModule, image: Buffer): Promise<boolean> {
  return (await open(image).metadata()).space === 'cmyk';
}

/**
 * Decodes an image of four inks by the plain formula, as OpenCV and Pillow do: a colour is what its ink and black leave
 * of the light. Left to itself the decoder would take the profile of a press, with other colours.
 */
export async function decodeInks(
  open: typeof sharpModule,
  image: Buffer,
  limitInputPixels: number,
): Promise<Pixels> {
  const { data, info } = await open(image, { limitInputPixels, ignoreIcc: true })
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const rgb = Buffer.allocUnsafe(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    const light = 255 - data[from + 3]!;
    for (let ink = 0; ink < 3; ink++) rgb[to + ink] = Math.round(((255 - data[from + ink]!) * light) / 255);
  }
  return { data: rgb, width, height };
}
