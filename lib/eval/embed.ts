import { setImmediate as yieldToEvents } from 'node:timers/promises';

import { decodeImages } from '../image/decode';
import { KappaError } from '../errors';
import { noGrad } from '../native/submit';
import type { Backbone } from '../nn/backbone';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';

export interface EmbedOptions {
  /** Images in one forward pass; 64 by default. */
  batchSize?: number;
  /** Names the images in errors. */
  name?: string;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface Embeddings {
  /** [N, D] embedding of each image plus that of its mirror image, not normalised. */
  data: Float32Array;
  embeddingSize: number;
  /** Mean length of the embeddings before the two were added (XNorm). */
  xnorm: number;
}

/**
 * Embeds encoded images and their mirror images in evaluation mode. Images of another size are resized.
 *
 * @throws KappaError `ERR_DATA_CORRUPT`, `ERR_CANCELLED`
 */
export async function embedImages(
  backbone: Backbone,
  images: readonly Buffer[],
  options: EmbedOptions = {},
): Promise<Embeddings> {
  const { batchSize = 64, name = 'images' } = options;
  const { embeddingSize, imageSize } = backbone.options;
  const data = new Float32Array(images.length * embeddingSize);
  const wasTraining = backbone.training;
  let norms = 0;
  backbone.eval();
  try {
    for (let from = 0; from < images.length; from += batchSize) {
      if (options.signal?.aborted) throw new KappaError('ERR_CANCELLED', `Embedding ${name} was cancelled.`);
      const slice = images.slice(from, from + batchSize);
      const pixels = await decodeImages(slice, { size: imageSize, resize: true, exact: true, name });
      const batch = await embedBatch(backbone, pixels, slice.length);
      data.set(batch.sums, from * embeddingSize);
      norms += batch.norms;
      options.onProgress?.(Math.min(from + batchSize, images.length), images.length);
      await yieldToEvents();
    }
  } finally {
    backbone.train(wasTraining);
  }
  return { data, embeddingSize, xnorm: images.length > 0 ? norms / images.length : 0 };
}

async function embedBatch(
  backbone: Backbone,
  pixels: Uint8Array,
  batch: number,
): Promise<{ sums: Float32Array; norms: number }> {
  const side = backbone.options.imageSize;
  const size = { batch, height: side, width: side };
  return noGrad(() =>
    scope(async () => {
      const where = { device: backbone.options.device };
      const flips = new Uint8Array(batch).fill(1);
      const plain = await backbone.forward(await Tensor.fromImages(pixels, size, undefined, where));
      const mirrored = await backbone.forward(await Tensor.fromImages(pixels, size, flips, where));
      const lengths = Tensor.cat([plain.norm(1), mirrored.norm(1)]);
      const norms = (await lengths.sum().item()) / 2;
      return { sums: (await plain.add(mirrored).toTypedArray()) as Float32Array, norms };
    }),
  );
}
