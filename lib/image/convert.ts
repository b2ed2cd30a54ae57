import { FORMAT_RGB, SAMP_420, SAMP_444, compressSync } from '@julusian/jpeg-turbo';
import { KappaError, argumentError } from '../errors';
import { alignFace, type RgbImage } from './align';
import { decodeInto, readImageSize, loadSharp, type DecodeOptions } from './decode';
import { imageFormat, type DecodedFormat, type ImageFormat } from './format';
import { checkLandmarks, type LandmarkDoubt } from './landmark-check';
import type { Point } from './similarity';

/** A square cut out of an image before it is resized. */
export interface Crop {
  left: number;
  top: number;
  side: number;
}

/** What is done to an image on its way into a dataset. */
export interface ConvertOptions {
  /** Side of the square result in pixels. */
  size: number;
  /** Bring images of another size to `size` (cubic, covering it, centred) instead of refusing them. */
  resize: boolean;
  /**
   * Cut this square out first and bring it to `size`. 'centre' is the middle square with half the shorter side, of images
   * that do not have the size yet.
   */
  crop?: Crop | 'centre';
  /**
   * Encode anew in this format; unless asked, bytes that need no change of pixels pass through untouched, and GIF, TIFF
   * and AVIF become PNG.
   */
  format?: ImageFormat;
  /** Quality of JPEG and lossy WebP, 1 to 100. @default 95 */
  quality?: number;
}

const DEFAULT_QUALITY = 95;
// A photograph of a large camera; a header that promises more is not worth its memory.
const MAX_PIXELS = 100_000_000;
// A new image is made of the best pixels that can be had.
const exact = { exact: true };

/** @throws KappaError ERR_ARGUMENT */
export function checkConvertOptions({ size, quality, crop }: ConvertOptions): void {
  if (!Number.isInteger(size) || size < 1 || size > 4096)
    throw argumentError('size', 'an integer from 1 to 4096', size);
  if (quality !== undefined && (!Number.isInteger(quality) || quality < 1 || quality > 100))
    throw argumentError('quality', 'an integer from 1 to 100', quality);
  if (crop === undefined || crop === 'centre') return;
  const whole = [crop.left, crop.top, crop.side].every((value) => Number.isInteger(value) && value >= 0);
  if (!whole || crop.side < 1)
    throw argumentError('crop', 'a left and top of at least 0 and a side of at least 1, whole numbers', crop);
}

/**
 * Brings an encoded image to the form a dataset wants. Every image is decoded in full, also where its bytes pass
 * through untouched, so that a damaged one is found here.
 * @param points 5 or 68 landmarks: the face is aligned by them
 * @param where names the image in errors
 * @param onDoubt told where the landmarks are suspicious, but may be a face's
 * @throws KappaError ERR_DATA_CORRUPT (also for landmarks that cannot be a face's), ERR_ARGUMENT (degenerate landmarks)
 */
export async function convertImage(
  image: Buffer,
  points: readonly Point[] | undefined,
  options: ConvertOptions,
  where: string,
  onDoubt?: (doubt: LandmarkDoubt) => void,
): Promise<Buffer> {
  const { size, resize, crop, quality } = options;
  const format = imageFormat(image);
  if (points !== undefined) {
    try {
      const whole = await decodeWhole(image, where, exact);
      const finding = checkLandmarks(points, whole);
      if (finding && 'error' in finding)
        throw new KappaError('ERR_DATA_CORRUPT', `${where}: its landmarks are wrong: ${finding.error}.`);
      if (finding) onDoubt?.(finding.doubt);
      const aligned = alignFace(whole, points, { size });
      return await encodeImage(aligned, options.format ?? 'jpeg', quality);
    } catch (error) {
      if (!(error instanceof KappaError) || error.message.startsWith(where)) throw error;
      throw new KappaError(error.code, `${where}: ${error.message}`, { cause: error });
    }
  }
  if (crop !== undefined && !(crop === 'centre' && (await hasSize(image, size, where)))) {
    const cut = await cropAndResize(await decodeWhole(image, where, exact), crop, size, where);
    return encodeImage(cut, options.format ?? 'jpeg', quality);
  }
  const data = new Uint8Array(size * size * 3);
  const target = options.format ?? (isWritten(format) ? format : 'png');
  const keeps = target === format && quality === undefined && (await hasSize(image, size, where));
  // What is kept as it is has only to be decodable.
  await decodeInto(image, data, { size: [size, size], resize, exact: !keeps }, where);
  return keeps ? image : encodeImage({ data, width: size, height: size }, target, quality);
}

/**
 * Decodes an image at its own size.
 * @throws KappaError ERR_DATA_CORRUPT
 */
export async function decodeWhole(
  image: Buffer,
  where: string,
  options: Pick<DecodeOptions, 'exact'> = {},
): Promise<RgbImage> {
  const { width, height } = await readImageSize(image, where);
  if (width * height > MAX_PIXELS)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${where}: ${width} x ${height} pixels are too many for a photograph.`,
    );
  const data = new Uint8Array(width * height * 3);
  await decodeInto(image, data, { size: [height, width], ...options }, where);
  return { data, width, height };
}

/** Formats that are only read become PNG, which loses nothing. */
function isWritten(format: DecodedFormat | undefined): format is ImageFormat {
  return format === 'jpeg' || format === 'png' || format === 'webp';
}

/** Encodes an image. JPEG: chroma is halved up to quality 85 and whole above, where its loss would be what one sees. */
async function encodeImage(
  { data, width, height }: RgbImage,
  format: ImageFormat,
  quality = DEFAULT_QUALITY,
): Promise<Buffer> {
  if (format === 'jpeg') {
    const subsampling = quality > 85 ? SAMP_444 : SAMP_420;
    const pixels = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return Buffer.from(compressSync(pixels, { format: FORMAT_RGB, width, height, quality, subsampling }));
  }
  const raw = (await loadSharp())(data, { raw: { width, height, channels: 3 } });
  return format === 'png' ? raw.png().toBuffer() : raw.webp({ quality }).toBuffer();
}

/** Whether an image is a square of this side already. */
export async function hasSize(image: Buffer, size: number, where: string): Promise<boolean> {
  const { width, height } = await readImageSize(image, where);
  return width === size && height === size;
}

/** Cuts a square out of an image and brings it to a size. @throws KappaError ERR_DATA_CORRUPT where it lies outside */
export async function cropAndResize(
  image: RgbImage,
  crop: Crop | 'centre',
  size: number,
  where: string,
): Promise<RgbImage> {
  const { left, top, side } = crop === 'centre' ? centreCrop(image) : crop;
  if (left + side > image.width || top + side > image.height)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${where}: the image is ${image.width} x ${image.height} pixels (width x height); a square of side ${side} at (${left}, ${top}) does not lie within it.`,
    );
  const open = await loadSharp();
  const data = await open(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .extract({ left, top, width: side, height: side })
    .resize({ width: size, height: size, kernel: 'cubic' })
    .raw()
    .toBuffer();
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width: size, height: size };
}

/** The square with half the shorter side (at least a pixel) in the middle. */
function centreCrop({ width, height }: RgbImage): Crop {
  const side = Math.max(1, Math.round(Math.min(width, height) / 2));
  return { left: (width - side) >> 1, top: (height - side) >> 1, side };
}
