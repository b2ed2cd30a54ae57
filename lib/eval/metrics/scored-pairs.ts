import { KappaError } from '../../errors';

/** Pairs of images with how far they are apart, and whose they are: what results are computed, and drawn anew, from. */
export interface ScoredPairs {
  /** [P] squared distances of embeddings at length 1, 0 to 4; the cosine is 1 - distance / 2. */
  readonly distances: Float64Array;
  /** [P] 1 for pairs of one person. */
  readonly isSame: Uint8Array;
  /** [P] number of the person in the first image and in the second; -1 where nobody knows. */
  readonly first: Int32Array;
  readonly second: Int32Array;
}

/** Numbers people by their names, in the order in which they come. */
export class PersonNumbers {
  readonly names: string[] = [];
  readonly #numbers = new Map<string, number>();

  of(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.names.length;
      this.#numbers.set(name, number);
      this.names.push(name);
    }
    return number;
  }
}

/**
 * Brings rows to length 1, in float64. One of length 0 stays.
 *
 * @param nameOf names a row in errors
 * @throws KappaError `ERR_NOT_FINITE`
 */
export function unitRows(
  rows: Float32Array | Float64Array,
  columns: number,
  nameOf: (row: number) => string,
): Float64Array {
  const units = new Float64Array(rows.length);
  for (let row = 0, first = 0; first < rows.length; row++, first += columns) {
    let sum = 0;
    for (let i = first; i < first + columns; i++) sum += rows[i]! ** 2;
    if (!Number.isFinite(sum))
      throw new KappaError(
        'ERR_NOT_FINITE',
        `The features of ${nameOf(row)} are not finite: they hold NaN, infinity or values too large to square. The model has diverged, or the file is damaged.`,
      );
    const length = sum === 0 ? 1 : Math.sqrt(sum);
    for (let i = first; i < first + columns; i++) units[i] = rows[i]! / length;
  }
  return units;
}

/** The squared distance of two rows. */
export function squaredDistance(rows: Float64Array, columns: number, a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < columns; i++) sum += (rows[a * columns + i]! - rows[b * columns + i]!) ** 2;
  return sum;
}
