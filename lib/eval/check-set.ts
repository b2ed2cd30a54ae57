import type { VerificationSet } from '../data/protocols/verification-set';
import { decodeImages } from '../image/decode';
import { FOLD_COUNT } from './metrics/ten-fold';

export interface CheckSetOptions {
  /** Side of the square images that the backbone takes. */
  imageSize: number;
  /** Told of images that are decoded. */
  onProgress?: (done: number, total: number) => void;
  /** Ends the look at images early, without an error: whoever stops needs no answer. */
  signal?: AbortSignal;
}

const IMAGES_AT_ONCE = 64;
const SHOWN_IMAGES = 5;

/**
 * Looks for everything that would end a verification on a set: too few pairs, pairs of one kind only, images that
 * cannot be decoded. Every image is decoded, as the verification will do it.
 *
 * @returns what is wrong, a sentence each; empty for a set that is fit
 */
export async function problemsOfSet(set: VerificationSet, options: CheckSetOptions): Promise<string[]> {
  const problems: string[] = [];
  const { length: pairs } = set.isSame;
  if (pairs < FOLD_COUNT)
    problems.push(`it has ${pairs} pairs, at least ${FOLD_COUNT} are needed, one for each fold`);
  for (const [kind, answer] of [
    ['the same person', true],
    ['different people', false],
  ] as const)
    if (!set.isSame.includes(answer)) problems.push(`it has no pair of ${kind}, both kinds are needed`);
  const damaged = await damagedImages(set, options);
  problems.push(...damaged.slice(0, SHOWN_IMAGES));
  if (damaged.length > SHOWN_IMAGES)
    problems.push(`${damaged.length - SHOWN_IMAGES} more images cannot be decoded`);
  return problems;
}

/** Why each image that cannot be decoded cannot: `image 17: ...`. */
async function damagedImages(
  { images }: VerificationSet,
  { imageSize, onProgress, signal }: CheckSetOptions,
): Promise<string[]> {
  const damaged: string[] = [];
  for (let from = 0; from < images.length; from += IMAGES_AT_ONCE) {
    if (signal?.aborted) break;
    const slice = images.slice(from, from + IMAGES_AT_ONCE);
    const problems = await decodingProblems(slice, imageSize, from);
    damaged.push(...problems);
    onProgress?.(Math.min(from + IMAGES_AT_ONCE, images.length), images.length);
  }
  return damaged;
}

/** Decodes images together, and one by one where that fails, to find every one that is to blame. */
async function decodingProblems(images: Buffer[], size: number, first: number): Promise<string[]> {
  const decode = (some: Buffer[], name: string): Promise<unknown> =>
    decodeImages(some, { size, resize: true, exact: true, name });
  try {
    await decode(images, '');
    return [];
  } catch {
    const reasons = await Promise.all(
      images.map((image, i) =>
        decode([image], '').then(
          () => undefined,
          (error: Error) => `image ${first + i}: ${withoutPlace(error.message)}`,
        ),
      ),
    );
    return reasons.filter((reason) => reason !== undefined);
  }
}

/** The reason alone: an image that is decoded by itself is always the first of a nameless list. */
function withoutPlace(message: string): string {
  return message.replace(/^: image 0: /, '').replace(/\.$/, '');
}
