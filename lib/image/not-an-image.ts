import { stranger } from '../files/strangers';
import { brands } from './format';

const READ = 'JPEG, PNG, WebP, GIF, TIFF and AVIF are read';

/** Why bytes are no image that is read: what they are, where that is known. */
export function notAnImage(image: Uint8Array): string {
  if (image.length === 0) return 'it is empty, not a JPEG, PNG or WebP image';
  const found = stranger(image);
  if (found !== undefined) return `it is ${found.is}, not an image`;
  const start = Buffer.from(image.buffer, image.byteOffset, Math.min(16, image.length)).toString('latin1');
  if (start.startsWith('BM')) return `it is a BMP image, which is not read (${READ}); convert it to PNG`;
  const [brand] = brands(image);
  if (brand !== undefined && /^(hei[cxms]|hev[cxms]|mif1|msf1)$/.test(brand))
    return `it is a HEIC image, which is not read (${READ}); convert it to JPEG or PNG`;
  if (start.startsWith('\xff\x0a') || start.startsWith('\0\0\0\x0cJXL '))
    return `it is a JPEG XL image, which is not read (${READ}); convert it to PNG`;
  if (start.startsWith('\0\0\0\x0cjP  ') || start.startsWith('\xff\x4f\xff\x51'))
    return `it is a JPEG 2000 image, which is not read (${READ}); convert it to PNG`;
  return 'it is not a JPEG, PNG or WebP image, nor GIF, TIFF or AVIF';
}
