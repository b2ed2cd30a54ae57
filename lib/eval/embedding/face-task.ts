import type { Crop } from '../../image/convert';
import { decodeFace } from '../../image/face-pixels';
import { readImageFile } from '../../image/read-file';
import type { FaceInput } from './face-inputs';

/** Faces that are decoded in one go. */
export interface FaceTask {
  faces: FaceInput[];
  /** Side of the faces in pixels. */
  size: number;
  crop?: Crop | 'centre';
}

/** The pixels of the faces of a task: faces x size x size x 3 bytes, RGB. @throws KappaError of a face that cannot be had */
export async function runFaceTask({ faces, size, crop }: FaceTask): Promise<Uint8Array> {
  const bytes = size * size * 3;
  const pixels = new Uint8Array(faces.length * bytes);
  // Each answers by a promise, also those that fail at once: else nobody would hear of the others.
  const decoded = faces.map(async ({ where, file, bytes: encoded, points }, i) => {
    const image =
      encoded === undefined
        ? readImageFile(file!)
        : Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    await decodeFace(image, pixels.subarray(i * bytes, (i + 1) * bytes), { size, points, crop }, where);
  });
  await Promise.all(decoded);
  return pixels;
}
