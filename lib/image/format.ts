/** Formats that are written, and read wherever images are. */
export type ImageFormat = 'jpeg' | 'png' | 'webp';

/** Formats that are decoded; anything else in a record is damage. Of several pictures the first is taken. */
export type DecodedFormat = ImageFormat | 'gif' | 'tiff' | 'avif';

/** Endings of the names of image files that are read. */
export const IMAGE_ENDINGS = [
  '.jpg',
  '.jpeg',
  '.png',
  '.webp',
  '.jpe',
  '.jfif',
  '.gif',
  '.tif',
  '.tiff',
  '.avif',
] as const;

/** Bytes from the beginning of a file that tell its format. */
const FORMAT_BYTES = 64;

/** What an image's first bytes say it is, or undefined. */
export function imageFormat(image: Uint8Array): DecodedFormat | undefined {
  const starts = (at: number, ...bytes: number[]) => bytes.every((byte, i) => image[at + i] === byte);
  if (starts(0, 0xff, 0xd8, 0xff)) return 'jpeg';
  if (starts(0, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return 'png';
  if (starts(0, 0x52, 0x49, 0x46, 0x46) && starts(8, 0x57, 0x45, 0x42, 0x50)) return 'webp';
  if (starts(0, 0x47, 0x49, 0x46, 0x38)) return 'gif';
  if (starts(0, 0x49, 0x49, 0x2a, 0) || starts(0, 0x49, 0x49, 0x2b, 0)) return 'tiff';
  if (starts(0, 0x4d, 0x4d, 0, 0x2a) || starts(0, 0x4d, 0x4d, 0, 0x2b)) return 'tiff';
  if (brands(image).some((brand) => brand === 'avif' || brand === 'avis')) return 'avif';
  return undefined;
}

/** The brands of a HEIF file, its main one first: `avif`, `heic`, ...; none for other files. */
export function brands(image: Uint8Array): string[] {
  const text = Buffer.from(image.buffer, image.byteOffset, Math.min(image.length, FORMAT_BYTES));
  if (text.length < 16 || text.toString('latin1', 4, 8) !== 'ftyp') return [];
  const end = Math.min(text.length, text.readUInt32BE(0));
  const found = [text.toString('latin1', 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) found.push(text.toString('latin1', at, at + 4));
  return found;
}

/** Width and height in pixels, as a file's header gives them. */
export interface ImageSize {
  width: number;
  height: number;
}

export interface JpegFrame extends ImageSize {
  /** 1 grey, 3 colour, 4 CMYK. */
  components: number;
}

/**
 * Finds a JPEG's first frame header, walking from marker to marker just as libjpeg does. The decoder is only called
 * with a frame that fits its output, since it multiplies the sizes of a hostile header without looking.
 * @returns undefined when there is none
 */
export function jpegFrame(image: Buffer): JpegFrame | undefined {
  let at = 2;
  for (;;) {
    // Skip what is not a marker, then fill bytes; FF 00 is no marker either.
    while (at < image.length && image[at] !== 0xff) at++;
    while (at < image.length && image[at] === 0xff) at++;
    const marker = image[at++];
    if (marker === undefined || marker === 0xd9 || marker === 0xda) return undefined;
    if (marker === 0 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    if (at + 2 > image.length) return undefined;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      if (at + 8 > image.length) return undefined;
      return {
        height: image.readUInt16BE(at + 3),
        width: image.readUInt16BE(at + 5),
        components: image[at + 7]!,
      };
    }
    at += Math.max(2, image.readUInt16BE(at));
  }
}

/** Width and height as a PNG's header chunk gives them, which has to be the first; undefined where it is not there. */
export function pngSize(image: Buffer): ImageSize | undefined {
  if (image.length < 24 || image.toString('latin1', 12, 16) !== 'IHDR') return undefined;
  return { width: image.readUInt32BE(16), height: image.readUInt32BE(20) };
}
