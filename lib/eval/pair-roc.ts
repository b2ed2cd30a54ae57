import { submit } from '../native/submit';
import { Tensor } from '../tensor/tensor';
import { scope } from '../tensor/scope';

/** Accepted pairs at each threshold, from the strictest to the loosest; the first point accepts none. */
export interface PairRoc {
  /** [K] accepted pairs of two people. */
  readonly impostors: Float64Array;
  /** [K] accepted pairs of one person. */
  readonly genuine: Float64Array;
  /** [K] pairs with at least that score are accepted; infinite for the first. */
  readonly thresholds: Float32Array;
  readonly allImpostors: number;
  readonly allGenuine: number;
}

/** An operating point. */
export interface OperatingPoint {
  /** Share of pairs of one person that are accepted. */
  readonly tar: number;
  /** Share of pairs of two people that are accepted, in fact. */
  readonly far: number;
  /** Similarity from which on pairs are accepted. */
  readonly threshold: number;
}

export interface PairRocOptions {
  /** Leaves points out as scikit-learn's `roc_curve` does by default. @default true */
  dropIntermediate?: boolean;
}

/**
 * The ROC of millions of similarities, by scikit-learn's rules, to the last pair: one point for each distinct score, ties
 * together.
 *
 * @param scores float32 [P], large for pairs that look alike
 * @param isGenuine [P] 1 for pairs of one person
 * @throws KappaError `ERR_ARGUMENT` without a pair of either kind, `ERR_NOT_FINITE`, `ERR_SHAPE`, `ERR_DTYPE`
 */
export function pairRoc(
  scores: Tensor,
  isGenuine: Tensor,
  { dropIntermediate = true }: PairRocOptions = {},
): Promise<PairRoc> {
  return scope(async () => {
    const wrap = Tensor.wrapper();
    const points = await submit((addon) =>
      addon.rocPoints(scores.handle, isGenuine.handle, dropIntermediate),
    );
    const [impostors, genuine, thresholds] = [points.impostors, points.genuine, points.thresholds].map(
      wrap,
    ) as [Tensor, Tensor, Tensor];
    return {
      impostors: Float64Array.from((await impostors.toTypedArray()) as BigInt64Array, Number),
      genuine: Float64Array.from((await genuine.toTypedArray()) as BigInt64Array, Number),
      thresholds: (await thresholds.toTypedArray()) as Float32Array,
      allImpostors: points.allImpostors,
      allGenuine: points.allGenuine,
    };
  });
}

/** The point whose FAR is nearest to the wanted one; of two that are as near, the looser: insightface's rule for IJB. */
export function nearestFar(roc: PairRoc, far: number): OperatingPoint {
  let [best, least] = [0, Infinity];
  for (let i = roc.impostors.length - 1; i >= 0; i--) {
    const distance = Math.abs(roc.impostors[i]! / roc.allImpostors - far);
    if (distance < least) [best, least] = [i, distance];
  }
  return {
    tar: roc.genuine[best]! / roc.allGenuine,
    far: roc.impostors[best]! / roc.allImpostors,
    threshold: roc.thresholds[best]!,
  };
}

/** Area under the curve, by trapezoids. */
export function areaUnderPairRoc({ impostors, genuine, allImpostors, allGenuine }: PairRoc): number {
  let area = 0;
  for (let i = 1; i < impostors.length; i++)
    area += (impostors[i]! - impostors[i - 1]!) * (genuine[i]! + genuine[i - 1]!);
  return area / (2 * allImpostors * allGenuine);
}
