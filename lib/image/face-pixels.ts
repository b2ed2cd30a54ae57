import { KappaError } from '../errors';
import { alignFace } from './align';
import { cropAndResize, decodeWhole, hasSize, type Crop } from './convert';
import { decodeInto } from './decode';
import type { Point } from './similarity';

/** How a face gets from its image to the pixels that a network takes. */
export interface FaceCut {
  /** Side of the square result in pixels. */
  size: number;
  /** 5 or 68 landmarks in pixels of the image: the face is aligned by them. */
  points?: readonly Point[];
  /** Without landmarks: cut this square out first. 'centre' is of images that do not have the size yet. */
  crop?: Crop | 'centre';
}

/**
 * Decodes the face of an encoded image, exactly: aligned by its landmarks (bilinear, black outside the image), cut out, or
 * brought to the size as it is (cubic, covering it, centred).
 *
 * @param out size x size x 3 bytes, RGB
 * @param where names the image in errors
 * @throws KappaError `ERR_DATA_CORRUPT`, `ERR_ARGUMENT` (degenerate landmarks)
 */
export async function decodeFace(
  image: Buffer,
  out: Uint8Array,
  { size, points, crop }: FaceCut,
  where: string,
): Promise<void> {
  const exact = true;
  if (points !== undefined) {
    const whole = await decodeWhole(image, where, { exact });
    try {
      out.set(alignFace(whole, points, { size }).data);
    } catch (error) {
      if (!(error instanceof KappaError)) throw error;
      throw new KappaError(error.code, `${where}: ${error.message}`, { cause: error });
    }
  } else if (crop !== undefined && !(crop === 'centre' && (await hasSize(image, size, where))))
    out.set((await cropAndResize(await decodeWhole(image, where, { exact }), crop, size, where)).data);
  else await decodeInto(image, out, { size: [size, size], resize: true, exact }, where);
}
