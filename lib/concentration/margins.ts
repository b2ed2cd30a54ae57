import { submit } from '../native/submit';
import { resolveOptions } from '../options/check';
import { Tensor } from '../tensor/tensor';
import type { MarginRule } from './option-types';
import { marginRuleOptions } from './options';

/** What was found about each class; all float64 (classes). */
export interface ClassMargins {
  /** Mean resultant length Rbar. */
  meanResultantLength: Tensor;
  /**
   * Concentration kappa. Classes with fewer than two images have the mean of the others; that of a class whose images
   * are all alike (Rbar^2 above 0.999) is large, and no part of the mean.
   */
  kappa: Tensor;
  /** wk: high for scattered classes; 0 for those whose images are all alike, 1/2 where there are fewer than two. */
  concentrationWeight: Tensor;
  /** ws: high for small classes. */
  populationWeight: Tensor;
  /** psi: share of the full margin. */
  marginScale: Tensor;
}

/**
 * Margins from class sums (KappaFace, equations 6 to 12).
 *
 * @param sums float64 (classes, embeddingSize), sums of unit embeddings
 * @param counts int64 (classes), embeddings in each sum
 * @param samplesPerClass (classes), images of each class in the training set
 */
export async function computeClassMargins(
  sums: Tensor,
  counts: Tensor,
  samplesPerClass: Tensor,
  rule: MarginRule = {},
): Promise<ClassMargins> {
  const { temperature, gamma, convention, debias } = resolveOptions(marginRuleOptions(), rule, 'rule');
  const wrap = Tensor.wrapper();
  const [length, kappa] = await submit((addon) =>
    addon.classConcentration(sums.handle, counts.handle, debias),
  );
  const [wk, ws, psi] = await submit((addon) =>
    addon.classMarginScale(
      length,
      kappa,
      counts.handle,
      samplesPerClass.handle,
      temperature,
      gamma,
      convention === 'paper',
    ),
  );
  return {
    meanResultantLength: wrap(length),
    kappa: wrap(kappa),
    concentrationWeight: wrap(wk),
    populationWeight: wrap(ws),
    marginScale: wrap(psi),
  };
}
