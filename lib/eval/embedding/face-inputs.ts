import type { Crop } from '../../image/convert';
import type { Point } from '../../image/similarity';

/** Where a face is: what a worker thread needs to know of it. */
export interface FaceInput {
  /** Names it in errors. */
  where: string;
  /** The file to read; or `bytes`. */
  file?: string;
  /** The encoded image. */
  bytes?: Uint8Array;
  /** 5 or 68 landmarks to align by. */
  points?: readonly Point[];
}

/** Faces that are to be embedded, in their order. */
export interface FaceInputs {
  /** Names them in errors. */
  readonly name: string;
  readonly length: number;
  /** What is cut out of images without landmarks; else they are resized where they have another size. */
  readonly crop?: Crop | 'centre';
  /** Path or number of a face, as an index lists it. */
  nameOf(index: number): string;
  /** May read a record; called in order, just before the face is decoded. */
  at(index: number): FaceInput;
  /** What tells these faces from others besides their names, where that is cheaper than looking at each. */
  readonly identity?: string;
  /** What they are put together of. */
  readonly parts?: readonly FaceInputs[];
}

/** Encoded images in memory. @param name names them in errors */
export function encodedFaces(images: readonly Uint8Array[], name: string): FaceInputs {
  return {
    name,
    length: images.length,
    nameOf: String,
    at: (index) => ({ where: `${name}: image ${index}`, bytes: images[index]! }),
  };
}
