import type { RankGroup } from '../distributed/rank-group';
import { submit } from '../native/submit';
import { resolveOptions } from '../options/check';
import { Tensor } from '../tensor/tensor';
import type { MarginRule } from './option-types';
import { marginRuleOptions } from './options';

/** What was found about each class of this rank; all float64 (classes). */
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
 * @param group the ranks that the classes are spread over: each gives its own classes and is told of those, while means,
 *   deviations and the largest class are of all. @default this process has all classes
 */
export async function computeClassMargins(
  sums: Tensor,
  counts: Tensor,
  samplesPerClass: Tensor,
  rule: MarginRule = {},
  group?: RankGroup,
): Promise<ClassMargins> {
  const { temperature, gamma, convention, debias } = resolveOptions(marginRuleOptions(), rule, 'rule');
  const wrap = Tensor.wrapper();
  const ranks = group?.handle ?? null;
  const { meanResultantLength, kappa } = await submit((addon) =>
    addon.classConcentration(sums.handle, counts.handle, debias, ranks),
  );
  const statistics = {
    meanResultantLength,
    kappa,
    counts: counts.handle,
    samplesPerClass: samplesPerClass.handle,
  };
  const marginRule = { temperature, gamma, paper: convention === 'paper' };
  const { concentrationWeight, populationWeight, marginScale } = await submit((addon) =>
    addon.classMarginScale(statistics, marginRule, ranks),
  );
  return {
    meanResultantLength: wrap(meanResultantLength),
    kappa: wrap(kappa),
    concentrationWeight: wrap(concentrationWeight),
    populationWeight: wrap(populationWeight),
    marginScale: wrap(marginScale),
  };
}
