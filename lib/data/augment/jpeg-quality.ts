import { FORMAT_RGB, SAMP_420, bufferSize, compressSync, decompressSync } from '@julusian/jpeg-turbo';
import type { WorkImage } from './work-image';

/** Encodes images as JPEG (chroma halved in both directions) and decodes them again. */
export class JpegQuality {
  readonly #encoded: Buffer;

  constructor(height: number, width: number) {
    this.#encoded = Buffer.allocUnsafeSlow(bufferSize({ height, width, subsampling: SAMP_420 }));
  }

  /** @param quality libjpeg's, an integer from 1 to 100 */
  apply({ pixels, height, width }: WorkImage, quality: number): void {
    const bytes = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.length);
    const options = { format: FORMAT_RGB, height, width, quality, subsampling: SAMP_420 };
    const encoded = compressSync(bytes, this.#encoded, options);
    decompressSync(encoded, bytes, { format: FORMAT_RGB });
  }
}
