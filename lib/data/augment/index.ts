export { Augmenter } from './augmenter';
export { resolveAugmentOptions } from './options';
export type { AugmentChanges, AugmentName, AugmentOptions, Range } from './options';
