import type { VerificationSet } from '../data/protocols/verification-set';
import type { Backbone } from '../nn/backbone';
import { embedImages } from './embed';
import { sizeNote } from './size-note';
import type { EmbedOptions } from './embed';
import { evaluateEmbeddings } from './metrics/verification';
import type { VerificationResult } from './metrics/verification';

export interface VerificationOptions extends Omit<EmbedOptions, 'name'> {
  /** Told, once, what becomes of images that have another size than the network takes. */
  onMessage?: (text: string) => void;
}

/**
 * Verifies the pairs of a set with a backbone, by insightface's protocol (see `evaluateEmbeddings`).
 *
 * @example
 * const result = await evaluateVerification(backbone, await readVerificationSet('lfw.bin'));
 */
export async function evaluateVerification(
  backbone: Backbone,
  set: VerificationSet,
  { onMessage, ...options }: VerificationOptions = {},
): Promise<VerificationResult> {
  if (onMessage) {
    const note = await sizeNote(set, backbone.options.imageSize);
    if (note !== undefined) onMessage(note);
  }
  const embedded = await embedImages(backbone, set.images, { ...options, name: set.name });
  return evaluateEmbeddings({
    name: set.name,
    embeddings: embedded.data,
    embeddingSize: embedded.embeddingSize,
    isSame: set.isSame,
    xnorm: embedded.xnorm,
  });
}
