import { FORMAT_RGB, decompressSync } from '@julusian/jpeg-turbo';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type sharpModule from 'sharp';
import { KappaError, argumentError, messageOf } from '../errors';
import { decodeInks, isCmyk } from './cmyk';
import { notAnImage } from './not-an-image';
import { imageFormat, jpegFrame, pngSize, type ImageSize, type JpegFrame } from './format';

export interface DecodeOptions {
  /** Height and width of the result in pixels. */
  size: readonly [number, number];
  /** Bring images of another size to `size` (cubic, covering it, centred) instead of refusing them. @default false */
  resize?: boolean;
  /**
   * Decode JPEG with the exact inverse DCT, as OpenCV does, instead of the fast one, whose values lie about 1 of 255
   * beside it at high quality. Takes several times as long. @default false
   */
  exact?: boolean;
}

// A face crop is a tenth of a megapixel; a header that promises more than this is not worth its memory.
const MAX_PIXELS = 4096 * 4096;
// Of whole rows decoders keep several in several forms, so that a row must not be all of the image. WebP ends here, too.
const MAX_SIDE = 1 << 14;
const RGB = { format: FORMAT_RGB };
const IMAGES_PER_SLICE = 64;

let sharp: Promise<typeof sharpModule> | undefined;

/** Loads sharp, once. It must have been loaded by the main thread before a worker thread may load it. */
export function loadSharp(): Promise<typeof sharpModule> {
  sharp ??= import('sharp').then((module) => module.default);
  return sharp;
}

/**
 * Decodes one image to 8-bit RGB, rows from the top: JPEG by libjpeg-turbo at once (nothing is returned), anything
 * else by sharp (a promise is returned). Grey becomes RGB; transparency, EXIF orientation and colour profiles are
 * ignored.
 * @param out height * width * 3 bytes; may lie in shared memory
 * @param where names the image in errors; called when there is one
 * @throws KappaError ERR_DATA_CORRUPT
 */
export function decodeInto(
  image: Buffer,
  out: Uint8Array,
  { size: [height, width], resize = false, exact = false }: DecodeOptions,
  where: string | (() => string),
): Promise<void> | undefined {
  const corrupt = corruptAt(where);
  const format = imageFormat(image);
  if (format === undefined) throw corrupt(notAnImage(image));
  if (format !== 'jpeg' && format !== 'png')
    return decodeBySharp(image, out, [height, width], resize, corrupt);
  const header = readHeader(image, format, corrupt);
  const fits = header.width === width && header.height === height;
  if (!fits && !resize) throw wrongSize(header, [height, width], corrupt);
  if (Math.max(header.width, header.height) > MAX_SIDE)
    throw corrupt(
      `the image cannot be decoded (${header.width} x ${header.height} pixels; a side may have ${MAX_SIDE})`,
    );
  const isPlainJpeg = format === 'jpeg' && header.components !== 4;
  if (!isPlainJpeg || !fits || exact) return decodeBySharp(image, out, [height, width], resize, corrupt);
  try {
    const target = Buffer.isBuffer(out)
      ? out
      : Buffer.from(out.buffer as ArrayBuffer, out.byteOffset, height * width * 3);
    decompressSync(image, target, RGB);
  } catch (error) {
    throw corrupt('the JPEG image is truncated or damaged', error);
  }
  return undefined;
}

/**
 * Width and height of an encoded image by its header; no pixel is decoded.
 * @param where names the image in errors
 * @throws KappaError ERR_DATA_CORRUPT
 */
export async function readImageSize(image: Buffer, where: string): Promise<ImageSize> {
  const corrupt = corruptAt(where);
  const format = imageFormat(image);
  if (format === undefined) throw corrupt(notAnImage(image));
  if (format === 'jpeg' || format === 'png') return readHeader(image, format, corrupt);
  const open = await loadSharp();
  return open(image)
    .metadata()
    .catch((error: unknown) => {
      throw corrupt(`the image cannot be decoded (${(error as Error).message})`, error);
    });
}

/**
 * Decodes encoded images to one array, without blocking the event loop for long.
 * @param size side of the square result, or [height, width]
 * @returns uint8 RGB, NHWC: images.length x height x width x 3
 * @throws KappaError ERR_DATA_CORRUPT with the image's number
 */
export async function decodeImages(
  images: readonly Buffer[],
  options: { size: number | readonly [number, number]; resize?: boolean; exact?: boolean; name?: string },
): Promise<Uint8Array> {
  const size = typeof options.size === 'number' ? ([options.size, options.size] as const) : options.size;
  if (size.length !== 2 || !size.every((side) => Number.isInteger(side) && side > 0))
    throw argumentError('size', 'a positive integer or [height, width]', options.size);
  const bytes = size[0] * size[1] * 3;
  const out = new Uint8Array(images.length * bytes);
  for (let from = 0; from < images.length; from += IMAGES_PER_SLICE) {
    const slice = images.slice(from, from + IMAGES_PER_SLICE);
    // Each answers by a promise, also those that are refused at once: else nobody would hear of the others.
    const decoded = slice.map(async (image, k) => {
      const at = from + k;
      const target = out.subarray(at * bytes, (at + 1) * bytes);
      await decodeInto(
        image,
        target,
        { size, resize: options.resize, exact: options.exact },
        `${options.name ?? 'images'}: image ${at}`,
      );
    });
    await Promise.all(decoded);
    await yieldToEvents();
  }
  return out;
}

type Corrupt = (why: string, cause?: unknown) => KappaError;

const corruptAt =
  (where: string | (() => string)): Corrupt =>
  (why, cause) =>
    new KappaError('ERR_DATA_CORRUPT', `${typeof where === 'string' ? where : where()}: ${why}.`, { cause });

function readHeader(image: Buffer, format: 'jpeg' | 'png', corrupt: Corrupt): ImageSize & Partial<JpegFrame> {
  const header = format === 'jpeg' ? jpegFrame(image) : pngSize(image);
  if (header === undefined || header.width * header.height === 0)
    throw corrupt(`the ${format.toUpperCase()} image has no header that gives its size: it is damaged`);
  return header;
}

async function decodeBySharp(
  image: Buffer,
  out: Uint8Array,
  size: readonly [number, number],
  resize: boolean,
  corrupt: Corrupt,
): Promise<void> {
  const [height, width] = size;
  const open = await loadSharp();
  // Whoever has the memory for a larger image expects one.
  const limitInputPixels = Math.max(MAX_PIXELS, height * width);
  const decoded = await (async () => {
    try {
      const inks = (await hasInks(open, image)) ? await decodeInks(open, image, limitInputPixels) : undefined;
      const raw = inks && { width: inks.width, height: inks.height, channels: 3 as const };
      const pipeline = open(inks?.data ?? image, { limitInputPixels, ignoreIcc: true, raw })
        .removeAlpha()
        .toColourspace('srgb');
      if (resize) pipeline.resize({ width, height, fit: 'cover', kernel: 'cubic' });
      return await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    } catch (error) {
      const [reason = ''] = messageOf(error).split('\n');
      // The decoder's warning, which tells no more than this, is an error by our will.
      const why = reason.includes('failOn') ? 'its data end early or are damaged' : reason;
      throw corrupt(`the image cannot be decoded (${why})`, error);
    }
  })();
  const { data, info } = decoded;
  if (info.width !== width || info.height !== height) throw wrongSize(info, size, corrupt);
  if (info.channels === 3) out.set(data);
  else if (info.channels === 1) for (let i = 0; i < data.length; i++) out.fill(data[i]!, 3 * i, 3 * i + 3);
  else throw corrupt(`the image has ${info.channels} channels, 3 or 1 were expected`);
}

/** Of JPEG the frame tells, of TIFF the decoder; other formats have no inks. */
async function hasInks(open: typeof sharpModule, image: Buffer): Promise<boolean> {
  const format = imageFormat(image);
  return format === 'tiff' ? isCmyk(open, image) : format === 'jpeg' && jpegFrame(image)?.components === 4;
}

function wrongSize(
  found: { width: number; height: number },
  size: readonly [number, number],
  corrupt: Corrupt,
) {
  return corrupt(
    `the image is ${found.width} x ${found.height} pixels (width x height), expected ${size[1]} x ${size[0]}; align it first (kappa data align), or let it be resized (data.resize of training, --resize of kappa data pack)`,
  );
}
