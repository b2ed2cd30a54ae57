import { KappaError } from '../errors';
import type { Point } from '../image/similarity';
import type { Backbone } from '../nn/backbone';
import { addMirrored } from './embed';
import { embedFaces } from './embedding/embed-faces';
import type { FaceInput, FaceInputs } from './embedding/face-inputs';
import { FeatureMemory } from './embedding/feature-sink';
import { squaredDistance, unitRows } from './metrics/scored-pairs';
import type { ReferenceScores } from './reference-scores';

/** False match rates that a pair is judged at. */
export const COMPARISON_FMRS = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6] as const;

/** A face: an encoded image or its file, aligned as those of training are, or with 5 or 68 landmarks to align by. */
export interface ComparedFace {
  image: Buffer | string;
  points?: readonly Point[];
}

/** How {@link compareFaces} compares: what it holds the cosine against. */
export interface CompareOptions {
  /** Known pairs that tell what a distance means (`referenceOfPairs`, `referenceOfRecord`). */
  reference?: ReferenceScores;
  signal?: AbortSignal;
}

/** Whether two faces are one person's, where so many strangers are let through. */
export interface ComparisonVerdict {
  /** False match rate. */
  readonly fmr: number;
  /** Undefined where the known pairs are too few to tell. */
  readonly isSame: boolean | undefined;
}

/** How alike two faces are. */
export interface FaceComparison {
  /** -1 to 1. */
  readonly cosine: number;
  /** Of embeddings at length 1: 2 - 2 cosine. */
  readonly squaredDistance: number;
  /** What that means, where known pairs were given. */
  readonly meaning?: {
    readonly source: string;
    readonly genuine: number;
    readonly impostor: number;
    /** Share of known pairs of two people that are at least as alike. */
    readonly impostorsAsAlike: number;
    /** Share of known pairs of one person that are less alike. */
    readonly genuineLessAlike: number;
    readonly verdicts: readonly ComparisonVerdict[];
  };
}

/**
 * Compares two faces: embeddings of image plus mirror image, at length 1.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_ARGUMENT` (degenerate landmarks), `ERR_NOT_FINITE`
 * @example
 * const { cosine } = await compareFaces(backbone, { image: 'a.jpg' }, { image: 'b.jpg' });
 */
export async function compareFaces(
  backbone: Backbone,
  first: ComparedFace,
  second: ComparedFace,
  { reference, signal }: CompareOptions = {},
): Promise<FaceComparison> {
  const faces = [first, second];
  const nameOf = (index: number): string => {
    const { image } = faces[index]!;
    return typeof image === 'string' ? image : index === 0 ? 'the first image' : 'the second image';
  };
  const at = (index: number): FaceInput => {
    const { image, points } = faces[index]!;
    const source = typeof image === 'string' ? { file: image } : { bytes: image };
    return { where: nameOf(index), ...source, ...(points && { points }) };
  };
  const inputs: FaceInputs = { name: 'two faces', length: 2, nameOf, at };
  const { embeddingSize } = backbone.options;
  const memory = new FeatureMemory(2, embeddingSize, true);
  await embedFaces(backbone, inputs, () => Promise.resolve(memory), { workers: 0, signal });
  const units = unitRows(addMirrored(memory, embeddingSize).data, embeddingSize, nameOf);
  for (const row of [0, 1])
    if (units.subarray(row * embeddingSize, (row + 1) * embeddingSize).every((value) => value === 0))
      throw new KappaError(
        'ERR_NOT_FINITE',
        `The embedding of ${nameOf(row)} has length 0: it has no direction.`,
      );
  const distance = squaredDistance(units, embeddingSize, 0, 1);
  return {
    cosine: 1 - distance / 2,
    squaredDistance: distance,
    ...(reference && { meaning: meaningOf(distance, reference) }),
  };
}

function meaningOf(distance: number, reference: ReferenceScores): FaceComparison['meaning'] {
  const { source, genuine, impostor } = reference;
  const impostorsAsAlike = reference.impostorsWithin(distance);
  return {
    source,
    genuine,
    impostor,
    impostorsAsAlike,
    genuineLessAlike: reference.genuineBeyond(distance),
    // At a false match rate of f a pair is accepted if at most that share of strangers would be with it.
    verdicts: COMPARISON_FMRS.filter((fmr) => fmr >= 1e-4 || fmr * impostor >= 1).map((fmr) => ({
      fmr,
      isSame: fmr * impostor >= 1 ? impostorsAsAlike <= fmr : impostorsAsAlike > fmr ? false : undefined,
    })),
  };
}
