import { submit } from '../native/submit';
import type { PairRoc } from './metrics/pair-roc';
import { Tensor } from '../tensor/tensor';
import { scope } from '../tensor/scope';

/** How {@link pairRoc} counts. */
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
      impostors: (await impostors.toTypedArray()) as Float64Array,
      genuine: (await genuine.toTypedArray()) as Float64Array,
      thresholds: (await thresholds.toTypedArray()) as Float32Array,
      allImpostors: points.allImpostors,
      allGenuine: points.allGenuine,
    };
  });
}
