import { noGrad } from '../../native/submit';
import type { Backbone } from '../../nn/backbone';
import { scope } from '../../tensor/scope';
import { Tensor } from '../../tensor/tensor';

export interface EmbedPixelsOptions {
  /** Embeds the mirror images. @default false */
  mirrored?: boolean;
  /** Changes the images, values -1 to 1, before the network gets them. */
  prepare?: (images: Tensor) => Promise<Tensor>;
}

/**
 * Embeds faces in one forward pass; the backbone's mode is the caller's matter.
 *
 * @param pixels batch x side x side x 3 bytes, RGB
 * @returns [batch, D], not normalised
 */
export function embedPixels(
  backbone: Backbone,
  pixels: Uint8Array,
  { mirrored = false, prepare }: EmbedPixelsOptions = {},
): Promise<Float32Array> {
  const { imageSize: side, device } = backbone.options;
  const batch = pixels.length / (side * side * 3);
  const flips = mirrored ? new Uint8Array(batch).fill(1) : undefined;
  return noGrad(() =>
    scope(async () => {
      const images = await Tensor.fromImages(pixels, { batch, height: side, width: side }, flips, { device });
      const embeddings = await backbone.forward(prepare ? await prepare(images) : images);
      return (await embeddings.toTypedArray()) as Float32Array;
    }),
  );
}
