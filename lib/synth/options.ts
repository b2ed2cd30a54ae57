import { argumentError } from '../errors';

/** Changes whenever the same options would give other pictures, so that cached sets are drawn anew. */
export const SYNTH_VERSION = 1;

/** The make-up of a synthetic face set. */
export interface SynthOptions {
  /** Seed of everything drawn. */
  seed: number;
  /** People in the training set. */
  identities: number;
  /** Images of the person with the most; the others follow a long tail. */
  maxImages: number;
  /** Share of people with a single image. */
  singletons: number;
  /** People in the verification set, none of whom is in the training set. */
  verificationIdentities: number;
  /** Verification pairs, a multiple of 20: ten folds, half of each genuine. */
  pairs: number;
  /** Difficulty of the most difficult verification person; the training set goes up to 1. */
  verificationDifficulty: number;
}

/** The set that the base configuration trains on. */
export const defaultSynthOptions: Readonly<SynthOptions> = {
  seed: 1,
  identities: 270,
  maxImages: 27,
  singletons: 0.06,
  verificationIdentities: 150,
  pairs: 600,
  verificationDifficulty: 0.25,
};

/**
 * Fills in defaults and checks the ranges.
 *
 * @throws KappaError `ERR_ARGUMENT` for a value outside its range.
 */
export function resolveSynthOptions(options: Partial<SynthOptions> = {}): SynthOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const resolved: SynthOptions = { ...defaultSynthOptions, ...Object.fromEntries(given) };
  const integer = (name: keyof SynthOptions, low: number, high: number) => {
    const value = resolved[name];
    if (!Number.isInteger(value) || value < low || value > high) {
      throw argumentError(`synth.${name}`, `an integer from ${low} to ${high}`, value);
    }
  };
  const share = (name: keyof SynthOptions) => {
    const value = resolved[name];
    if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
      throw argumentError(`synth.${name}`, 'a number from 0 to 1', value);
    }
  };
  integer('seed', 0, 0x7fffffff);
  integer('identities', 1, 1_000_000);
  integer('maxImages', 1, 10_000);
  integer('verificationIdentities', 2, 1_000_000);
  integer('pairs', 20, 100_000);
  if (resolved.pairs % 20 !== 0) {
    throw argumentError('synth.pairs', 'a multiple of 20 (ten folds, half of each genuine)', resolved.pairs);
  }
  share('singletons');
  share('verificationDifficulty');
  return resolved;
}
