import { KappaError } from '../../errors';
import { pairDistances } from './pair-distances';
import { verifyPairs } from './pair-verification';

/** How well a model tells pairs of one person from pairs of two. Rates are shares from 0 to 1. */
export interface VerificationResult {
  readonly name: string;
  /** Mean accuracy over the folds, each at the threshold that is best on the other nine. */
  readonly accuracy: number;
  /** Population standard deviation of the folds' accuracies. */
  readonly std: number;
  /** Mean of the folds' thresholds, in squared distance. */
  readonly threshold: number;
  /** Mean TAR over the folds, at the threshold whose FAR on the other nine is 1e-3. */
  readonly val: number;
  /** Population standard deviation of the folds' TARs. */
  readonly valStd: number;
  /** Mean FAR over the folds at those thresholds. */
  readonly far: number;
  /** Area under the ROC curve of all pairs. */
  readonly auc: number;
  /** Equal error rate of all pairs. */
  readonly eer: number;
  /** TAR of all pairs at FAR 1e-2 and 1e-3 (best operating point that does not exceed it). */
  readonly tarAtFar: { readonly '1e-2': number; readonly '1e-3': number };
  /** Mean length of the raw embeddings. */
  readonly xnorm: number;
  /** Number of pairs. */
  readonly pairs: number;
  /** The rules that were followed, in words. */
  readonly protocol: string;
}

/** A verification set, embedded. */
export interface VerificationInput {
  /** Name of the set, for results and errors. */
  readonly name: string;
  /** [2P, D] raw embeddings (image plus its mirror image, added); pair i is rows 2i and 2i + 1. */
  readonly embeddings: Float32Array | Float64Array;
  /** D. */
  readonly embeddingSize: number;
  /** [P] whether a pair shows one person. */
  readonly isSame: ArrayLike<boolean | number>;
  /** Mean length of the embeddings before image and mirror image were added; default: of what is given. */
  readonly xnorm?: number;
}

const PROTOCOL =
  'insightface: image + mirror image, L2 normalised, squared distance < threshold; 10 contiguous folds, ' +
  'thresholds 0 to 3.99 by 0.01, the first best on nine folds; val at FAR 1e-3, thresholds by 0.001, interpolated';

/**
 * Evaluates verification by the protocol of insightface's `verification.py`, in float64: ten contiguous unshuffled
 * folds; the first best of the thresholds 0, 0.01 ... 3.99 on nine folds is applied to the tenth; VAL at
 * FAR = 1e-3 with thresholds of step 0.001 and linear interpolation (threshold 0 where that FAR is never reached).
 *
 * @throws KappaError ERR_SHAPE, ERR_ARGUMENT (fewer than ten pairs, or of one kind only), ERR_NOT_FINITE
 */
export function evaluateEmbeddings(input: VerificationInput): VerificationResult {
  const { name, embeddings, embeddingSize, isSame } = input;
  const { distances, meanNorm } = pairDistances(embeddings, embeddingSize, name);
  if (isSame.length !== distances.length)
    throw new KappaError(
      'ERR_SHAPE',
      `Expected embeddings for the ${isSame.length} pairs of ${name} but received them for ${distances.length}.`,
    );
  const { accuracy, std, threshold, val, valStd, far, auc, eer, tarAtFar } = verifyPairs({
    distances,
    isSame,
  });
  return {
    name,
    ...{ accuracy, std, threshold, val, valStd, far, auc, eer, tarAtFar },
    xnorm: input.xnorm ?? meanNorm,
    pairs: distances.length,
    protocol: PROTOCOL,
  };
}
