import { loadSharp } from '../../../lib/image/decode';
import { Xoshiro128 } from '../../../lib/random';

const CELLS = 6;
const GRAIN = 24;
const QUALITY = 90;

/** A JPEG of a person: coarse patches of colours that are the person's, shifted a little, with grain. */
export async function drawPicture(
  person: number,
  photo: number,
  size: { width: number; height: number },
  seed: number,
): Promise<Buffer> {
  const { width, height } = size;
  const own = Xoshiro128.fromSeed(seed, person);
  const colours = Uint8Array.from({ length: 3 * CELLS * CELLS }, () => 40 + own.below(176));
  const random = Xoshiro128.fromSeed(seed, person, photo);
  const [dx, dy] = [random.uniform() - 0.5, random.uniform() - 0.5];
  const pixels = new Uint8Array(width * height * 3);
  const cell = (at: number, side: number, shift: number): number =>
    Math.min(CELLS - 1, Math.max(0, Math.floor((at / side) * CELLS + shift)));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = 3 * (cell(y, height, dy) * CELLS + cell(x, width, dx));
      for (let c = 0; c < 3; c++)
        pixels[3 * (y * width + x) + c] = colours[from + c]! + random.below(GRAIN) - GRAIN / 2;
    }
  const sharp = await loadSharp();
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: QUALITY })
    .toBuffer();
}
