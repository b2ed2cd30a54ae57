export { Augmenter } from './augmenter';
export { resolveAugmentOptions } from './options';
export type { AugmentChanges, AugmentOptions } from './options';
