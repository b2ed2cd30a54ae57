import { argumentError } from '../../errors';

/** A contiguous range of pairs: from `start` up to, but not including, `end`. */
export interface Fold {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts `count` items into contiguous, unshuffled folds; the first `count % folds` have one item more, as in
 * scikit-learn's KFold.
 *
 * @throws KappaError ERR_ARGUMENT if there are fewer items than folds
 */
export function contiguousFolds(count: number, folds: number): Fold[] {
  if (!Number.isInteger(count) || count < folds)
    throw argumentError('the number of pairs', `at least ${folds}, one for each fold,`, count);
  const size = Math.floor(count / folds);
  const longer = count % folds;
  return Array.from({ length: folds }, (_, i) => {
    const start = i * size + Math.min(i, longer);
    return { start, end: start + size + (i < longer ? 1 : 0) };
  });
}
