import { KappaError } from '../../errors';

/** Operating points, from the strictest threshold to the loosest; the first accepts nothing, the last all. */
export interface Roc {
  /** Share of impostor pairs accepted: FAR, FPR. */
  readonly far: Float64Array;
  /** Share of genuine pairs accepted: TAR, TPR. */
  readonly tar: Float64Array;
}

/**
 * The receiver operating characteristic of distances: one point for each distinct distance, ties together.
 *
 * @param distances [P] small for pairs that look alike (negate similarities); no NaN
 * @param isSame [P] whether a pair is genuine
 * @throws KappaError ERR_ARGUMENT if there are no genuine or no impostor pairs
 */
export function rocCurve(distances: Float64Array, isSame: ArrayLike<boolean | number>): Roc {
  const order = Uint32Array.from(distances, (_, i) => i);
  order.sort((a, b) => (distances[a] ?? 0) - (distances[b] ?? 0));
  const far = [0];
  const tar = [0];
  let genuine = 0;
  let impostor = 0;
  order.forEach((pair, i) => {
    if (isSame[pair]) genuine++;
    else impostor++;
    const next = order[i + 1];
    if (next !== undefined && distances[next] === distances[pair]) return;
    far.push(impostor);
    tar.push(genuine);
  });
  requireBoth(genuine, impostor);
  return {
    far: Float64Array.from(far, (count) => count / impostor),
    tar: Float64Array.from(tar, (count) => count / genuine),
  };
}

/** Throws unless there are genuine and impostor pairs: without one of them no rate is defined. */
function requireBoth(genuine: number, impostor: number): void {
  if (genuine === 0 || impostor === 0)
    throw new KappaError(
      'ERR_ARGUMENT',
      `Expected genuine and impostor pairs but received ${genuine} genuine and ${impostor} impostor pairs.`,
    );
}

/** Area under the curve, by trapezoids: the chance that a genuine pair is nearer than an impostor one. */
export function areaUnderCurve({ far, tar }: Roc): number {
  let area = 0;
  for (let i = 1; i < far.length; i++)
    area += ((far[i] ?? 0) - (far[i - 1] ?? 0)) * (((tar[i] ?? 0) + (tar[i - 1] ?? 0)) / 2);
  return area;
}

/** Equal error rate: where the curve, with straight lines between its points, has FAR = 1 - TAR. */
export function equalErrorRate({ far, tar }: Roc): number {
  for (let i = 1; i < far.length; i++) {
    const before = (far[i - 1] ?? 0) + (tar[i - 1] ?? 0) - 1;
    const after = (far[i] ?? 0) + (tar[i] ?? 0) - 1;
    if (after < 0) continue;
    const share = before / (before - after);
    return (far[i - 1] ?? 0) + share * ((far[i] ?? 0) - (far[i - 1] ?? 0));
  }
  return 1;
}

/** The best TAR among the operating points whose FAR is at most the target; nothing is interpolated. */
export function tarAtFar({ far, tar }: Roc, target: number): number {
  let best = 0;
  for (let i = 0; i < far.length && (far[i] ?? 1) <= target; i++) best = tar[i] ?? 0;
  return best;
}
