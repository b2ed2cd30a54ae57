import type { VerificationSet } from '../data/protocols/verification-set';
import type { Backbone } from '../nn/backbone';
import { embedImages } from './embed';
import type { EmbedOptions } from './embed';
import { evaluateEmbeddings } from './metrics/verification';
import type { VerificationResult } from './metrics/verification';

/**
 * Verifies the pairs of a set with a backbone, by insightface's protocol (see `evaluateEmbeddings`).
 *
 * @example
 * const result = await evaluateVerification(backbone, await readVerificationSet('lfw.bin'));
 */
export async function evaluateVerification(
  backbone: Backbone,
  set: VerificationSet,
  options: Omit<EmbedOptions, 'name'> = {},
): Promise<VerificationResult> {
  const embedded = await embedImages(backbone, set.images, { ...options, name: set.name });
  return evaluateEmbeddings({
    name: set.name,
    embeddings: embedded.data,
    embeddingSize: embedded.embeddingSize,
    isSame: set.isSame,
    xnorm: embedded.xnorm,
  });
}
