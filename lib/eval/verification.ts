import type { VerificationSet } from '../data/protocols/verification-set';
import type { Backbone } from '../nn/backbone';
import { readImageSize } from '../image/decode';
import { KappaError } from '../errors';
import { embedImages } from './embed';
import type { EmbedOptions } from './embed';
import { evaluateEmbeddings } from './metrics/verification';
import type { VerificationResult } from './metrics/verification';

const NAMED = 4;

/** How {@link evaluateVerification} embeds. */
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

/**
 * What becomes of the images of a verification set that have another size than a network takes.
 * @param size side of the network's images in pixels
 * @returns a line for the user; undefined where all have that size
 */
export async function sizeNote(set: VerificationSet, size: number): Promise<string | undefined> {
  const sizes = new Map<string, number>();
  let [others, oblong, smaller, larger] = [0, 0, 0, 0];
  for (const [i, image] of set.images.entries()) {
    const found = await sizeOf(image, `${set.name}: image ${i}`);
    if (found === undefined || (found.width === size && found.height === size)) continue;
    others++;
    if (found.width !== found.height) oblong++;
    if (Math.min(found.width, found.height) < size) smaller++;
    else larger++;
    const name = `${found.width} x ${found.height}`;
    sizes.set(name, (sizes.get(name) ?? 0) + 1);
  }
  if (others === 0) return undefined;
  const shown = [...sizes]
    .sort(([, a], [, b]) => b - a)
    .slice(0, NAMED)
    .map(([name, count]) => `${name} (${count})`);
  const done = [
    ...(larger > 0 ? [`${larger} shrunk`] : []),
    ...(smaller > 0 ? [`${smaller} enlarged`] : []),
    ...(oblong > 0 ? [`${oblong} that are not square cut at their longer side, about the middle`] : []),
  ].join(', ');
  return `${set.name}: ${others} of ${set.images.length} images are not ${size} x ${size} pixels: ${shown.join(', ')}${sizes.size > NAMED ? ', ...' : ''} (width x height). They are resized to it: ${done}. Results count only if the faces are aligned as those of training are.`;
}

/** The size of an image; undefined for one that is damaged, which decoding will tell. */
async function sizeOf(image: Buffer, where: string) {
  try {
    return await readImageSize(image, where);
  } catch (error) {
    if (!(error instanceof KappaError)) throw error;
    return undefined;
  }
}
