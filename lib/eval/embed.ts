import { setImmediate as yieldToEvents } from 'node:timers/promises';

import type { RankGroup } from '../distributed/rank-group';
import { decodeImages } from '../image/decode';
import { KappaError } from '../errors';
import { noGrad } from '../native/submit';
import type { Backbone } from '../nn/backbone';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import { exchangeBatches, type EmbeddedBatch } from './exchange-batches';

export interface EmbedOptions {
  /** Images in one forward pass; 64 by default. */
  batchSize?: number;
  /** Names the images in errors. */
  name?: string;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
  /**
   * The ranks that share the work: each gives the same images and the same weights, embeds every worldSize-th batch, and
   * has in the end what one rank would have computed. @default this process does it alone
   */
  group?: RankGroup;
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
 * @throws KappaError `ERR_DATA_CORRUPT`, `ERR_CANCELLED`, also where another rank was cancelled, `ERR_PEER` where another
 *   rank failed
 */
export async function embedImages(
  backbone: Backbone,
  images: readonly Buffer[],
  options: EmbedOptions = {},
): Promise<Embeddings> {
  const { batchSize = 64, name = 'images', group, signal } = options;
  const { embeddingSize } = backbone.options;
  const data = new Float32Array(images.length * embeddingSize);
  const wasTraining = backbone.training;
  const embed = (from: number): Promise<EmbeddedBatch> => {
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Embedding ${name} was cancelled.`);
    return embedBatch(backbone, images.slice(from, from + batchSize), name);
  };
  const { rank, worldSize } = group ?? { rank: 0, worldSize: 1 };
  let norms = 0;
  backbone.eval();
  try {
    for (let from = 0; from < images.length; from += worldSize * batchSize) {
      const own = async () => embed(from + rank * batchSize);
      const size = batchSize * embeddingSize;
      const round = group ? await exchangeBatches(own, group, { size, name }) : [await own()];
      for (const [r, batch] of round.entries()) {
        const first = (from + r * batchSize) * embeddingSize;
        data.set(batch.sums.subarray(0, Math.max(0, data.length - first)), Math.min(first, data.length));
        norms += batch.norms;
      }
      options.onProgress?.(Math.min(from + worldSize * batchSize, images.length), images.length);
      await yieldToEvents();
    }
  } finally {
    backbone.train(wasTraining);
  }
  return { data, embeddingSize, xnorm: images.length > 0 ? norms / images.length : 0 };
}

async function embedBatch(
  backbone: Backbone,
  images: readonly Buffer[],
  name: string,
): Promise<EmbeddedBatch> {
  const batch = images.length;
  // In the last round not every rank has images left.
  if (batch === 0) return { sums: new Float32Array(0), norms: 0 };
  const { imageSize: side, device } = backbone.options;
  const pixels = await decodeImages(images, { size: side, resize: true, exact: true, name });
  const size = { batch, height: side, width: side };
  return noGrad(() =>
    scope(async () => {
      const flips = new Uint8Array(batch).fill(1);
      const plain = await backbone.forward(await Tensor.fromImages(pixels, size, undefined, { device }));
      const mirrored = await backbone.forward(await Tensor.fromImages(pixels, size, flips, { device }));
      const lengths = Tensor.cat([plain.norm(1), mirrored.norm(1)]);
      const norms = (await lengths.sum().item()) / 2;
      return { sums: (await plain.add(mirrored).toTypedArray()) as Float32Array, norms };
    }),
  );
}
