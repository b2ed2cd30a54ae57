export { Augmenter } from './augmenter';
export { augmentLimits, defaultAugmentOptions, isRange, resolveAugmentOptions } from './options';
export type { AugmentChanges, AugmentName, AugmentOptions, Range } from './options';
