import path from 'node:path';

import type { IjbSet } from '../data/protocols/ijb';
import { KappaError } from '../errors';
import { alignFace } from '../image/align';
import { decodeWhole } from '../image/convert';
import { readImageFile } from '../image/read-file';
import type { Point } from '../image/similarity';
import { noGrad } from '../native/submit';
import type { Backbone } from '../nn/backbone';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import type { IjbFeatures } from './ijb';

export interface EmbedIjbOptions {
  /** Images in one forward pass. @default 64 */
  batchSize?: number;
  /** Leaves the mirror images out. @default true */
  flip?: boolean;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Embeds the faces of IJB-B or IJB-C: each is cut out of its image in `loose_crop` by its five landmarks, bilinear, as
 * insightface does.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT` naming the image, `ERR_CANCELLED`
 */
export async function embedIjb(
  backbone: Backbone,
  set: IjbSet,
  { batchSize = 64, flip = true, onProgress, signal }: EmbedIjbOptions = {},
): Promise<IjbFeatures> {
  const { embeddingSize } = backbone.options;
  const total = set.faces.names.length;
  const room = (): Float32Array => new Float32Array(new SharedArrayBuffer(4 * total * embeddingSize));
  const [plain, mirrored] = [room(), flip ? room() : undefined];
  const wasTraining = backbone.training;
  backbone.eval();
  try {
    // A batch is cut out while the one before is embedded.
    let next = cutOut(set, 0, batchSize, backbone.options.imageSize);
    for (let from = 0; from < total; from += batchSize) {
      const pixels = await next;
      if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Embedding ${set.name} was cancelled.`);
      next = cutOut(set, from + batchSize, batchSize, backbone.options.imageSize);
      next.catch(() => undefined); // told when it is waited for
      const at = from * embeddingSize;
      plain.set(await embedPixels(backbone, pixels, false), at);
      mirrored?.set(await embedPixels(backbone, pixels, true), at);
      onProgress?.(Math.min(from + batchSize, total), total);
    }
  } finally {
    backbone.train(wasTraining);
  }
  const tensor = (data: Float32Array): Promise<Tensor> =>
    Promise.resolve(Tensor.from(data, [total, embeddingSize], { copy: false }));
  return { plain: await tensor(plain), ...(mirrored && { mirrored: await tensor(mirrored) }) };
}

/** The aligned faces from one on: batch x size x size x 3 bytes. */
async function cutOut(
  { root, name, faces }: IjbSet,
  from: number,
  count: number,
  size: number,
): Promise<Uint8Array> {
  const names = faces.names.slice(from, from + count);
  const pixels = new Uint8Array(names.length * size * size * 3);
  for (const [i, file] of names.entries()) {
    const image = await decodeWhole(readImageFile(path.join(root, 'loose_crop', file)), `${name}: ${file}`, {
      exact: true,
    });
    const first = 10 * (from + i);
    const points = Array.from({ length: 5 }, (_, p): Point => [
      faces.landmarks[first + 2 * p]!,
      faces.landmarks[first + 2 * p + 1]!,
    ]);
    pixels.set(alignFace(image, points, { size }).data, i * size * size * 3);
  }
  return pixels;
}

function embedPixels(backbone: Backbone, pixels: Uint8Array, mirrors: boolean): Promise<Float32Array> {
  const { imageSize: side, device } = backbone.options;
  const batch = pixels.length / (side * side * 3);
  const flips = mirrors ? new Uint8Array(batch).fill(1) : undefined;
  return noGrad(() =>
    scope(async () => {
      const images = await Tensor.fromImages(pixels, { batch, height: side, width: side }, flips, { device });
      return (await (await backbone.forward(images)).toTypedArray()) as Float32Array;
    }),
  );
}
