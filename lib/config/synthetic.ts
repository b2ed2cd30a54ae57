import type { SynthOptions } from '../synth/options';

/** Doc lines of the embedded face set's options, for the config and for `kappa data synth` alike. */
export const syntheticDocs: Readonly<Record<keyof SynthOptions, string>> = {
  seed: 'seed of everything drawn',
  identities: 'people in the training set',
  maxImages: 'images of the person with the most; the others follow a long tail',
  singletons: 'share of people with a single image',
  verificationIdentities: 'people in the verification set, none of whom is in the training set',
  pairs: 'verification pairs, a multiple of 20: ten folds, half of each genuine',
  verificationDifficulty: 'difficulty of the most difficult verification person, 0 to 1',
};
