import type { RankGroup } from '../distributed/rank-group';
import type { Backbone } from '../nn/backbone';

/** How {@link embedImages} embeds. */
export interface EmbedOptions {
  /** Images in one forward pass; 64 by default. */
  batchSize?: number;
  /** Names the images in errors. */
  name?: string;
  /** Told now and then how much of how much is done. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
  /**
   * The ranks that share the work: each gives the same images and the same weights, embeds every worldSize-th batch, and
   * has in the end what one rank would have computed. @default this process does it alone
   */
  group?: RankGroup;
}

/** Embeddings of images: a row for each. */
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
  { name = 'images', ...options }: EmbedOptions = {},
): Promise<Embeddings> {
  const { embedFaces } = await import('./embedding/embed-faces');
  const { encodedFaces } = await import('./embedding/face-inputs');
  const { FeatureMemory } = await import('./embedding/feature-sink');
  const { embeddingSize } = backbone.options;
  const memory = new FeatureMemory(images.length, embeddingSize, true);
  // Whoever embeds images in memory may have threads at work that decode others: there are no more of them.
  await embedFaces(backbone, encodedFaces(images, name), () => Promise.resolve(memory), {
    ...options,
    workers: 0,
  });
  return { ...addMirrored(memory, embeddingSize), embeddingSize };
}

/** [N, D] features plus those of the mirror images, and the mean length of both. */
export function addMirrored(
  { plain, mirrored }: { plain: Float32Array; mirrored?: Float32Array },
  embeddingSize: number,
): { data: Float32Array; xnorm: number } {
  const data = new Float32Array(plain.length);
  const both = mirrored ? [plain, mirrored] : [plain];
  let norms = 0;
  for (let first = 0; first < data.length; first += embeddingSize) {
    for (const features of both) {
      let sum = 0;
      for (let i = first; i < first + embeddingSize; i++) {
        data[i] = data[i]! + features[i]!;
        sum += features[i]! ** 2;
      }
      norms += Math.sqrt(sum);
    }
  }
  const rows = data.length / embeddingSize;
  return { data, xnorm: rows === 0 ? 0 : norms / (both.length * rows) };
}
