import { argumentError, KappaError } from '../../errors';

/** Distances of pairs, and the mean length of the embeddings that they were made from. */
export interface PairDistances {
  /** [P] squared Euclidean distances of the L2-normalised embeddings, 0 to 4. */
  readonly distances: Float64Array;
  /** Mean 2-norm of the embeddings as they came. */
  readonly meanNorm: number;
}

/**
 * Squared distances of consecutive embeddings, normalised in float64. An embedding of length 0 stays 0.
 *
 * @param embeddings [2P, D] row by row; pair i is rows 2i and 2i + 1
 * @param embeddingSize D
 * @param name the set's name, for errors
 * @throws KappaError ERR_SHAPE if the length does not fit; ERR_NOT_FINITE for NaN or infinity, with the first row
 */
export function pairDistances(
  embeddings: Float32Array | Float64Array,
  embeddingSize: number,
  name: string,
): PairDistances {
  if (!Number.isInteger(embeddingSize) || embeddingSize < 1)
    throw argumentError('embeddingSize', 'a whole number above 0', embeddingSize);
  if (embeddings.length % (2 * embeddingSize) !== 0)
    throw new KappaError(
      'ERR_SHAPE',
      `Expected two embeddings of ${embeddingSize} numbers for each pair of ${name} but received ${embeddings.length} numbers.`,
    );
  const pairs = embeddings.length / (2 * embeddingSize);
  const distances = new Float64Array(pairs);
  let normSum = 0;
  for (let pair = 0; pair < pairs; pair++) {
    const first = 2 * pair * embeddingSize;
    const second = first + embeddingSize;
    // Both at once: each sum waits for its own last addition alone.
    let firstSum = 0;
    let secondSum = 0;
    for (let i = 0; i < embeddingSize; i++) {
      const a = embeddings[first + i]!;
      const b = embeddings[second + i]!;
      firstSum += a * a;
      secondSum += b * b;
    }
    const firstNorm = normOf(firstSum, 2 * pair, name);
    const secondNorm = normOf(secondSum, 2 * pair + 1, name);
    normSum += firstNorm + secondNorm;
    // A division takes longer than all the rest of a step.
    const firstScale = 1 / (firstNorm === 0 ? 1 : firstNorm);
    const secondScale = 1 / (secondNorm === 0 ? 1 : secondNorm);
    let distance = 0;
    for (let i = 0; i < embeddingSize; i++) {
      const difference = embeddings[first + i]! * firstScale - embeddings[second + i]! * secondScale;
      distance += difference * difference;
    }
    distances[pair] = distance;
  }
  return { distances, meanNorm: pairs === 0 ? 0 : normSum / (2 * pairs) };
}

function normOf(sum: number, row: number, name: string): number {
  if (!Number.isFinite(sum))
    throw new KappaError(
      'ERR_NOT_FINITE',
      `The embedding of image ${row} of ${name} (pair ${Math.floor(row / 2)}) is not finite: it holds NaN, ` +
        `infinity or values too large to square. The model has diverged or its weights are damaged.`,
    );
  return Math.sqrt(sum);
}
