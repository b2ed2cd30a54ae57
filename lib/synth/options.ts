import { resolveOptions } from '../options/check';
import { lazySchema } from '../options/schema';

/** Changes whenever the same options would give other pictures, so that cached sets are drawn anew. */
export const SYNTH_VERSION = 1;

/** One number of the make-up of a synthetic set. */
interface SynthOption {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  /** Whole numbers only: multiples of it. */
  readonly step?: number;
  readonly doc: string;
}

/** The make-up of a synthetic face set: for the config, the library and the flags of `kappa data synth` alike. */
export const synthOptions = {
  seed: { initial: 1, min: 0, max: 0x7fffffff, step: 1, doc: 'seed of everything drawn' },
  identities: { initial: 270, min: 1, max: 1_000_000, step: 1, doc: 'people in the training set' },
  maxImages: {
    initial: 27,
    min: 1,
    max: 10_000,
    step: 1,
    doc: 'images of the person with the most; the others follow a long tail',
  },
  singletons: { initial: 0.06, min: 0, max: 1, doc: 'share of people with a single image' },
  verificationIdentities: {
    initial: 150,
    min: 2,
    max: 1_000_000,
    step: 1,
    doc: 'people in the verification set, none of whom is in the training set',
  },
  pairs: {
    initial: 600,
    min: 20,
    max: 100_000,
    step: 20,
    doc: 'verification pairs, a multiple of 20: ten folds, half of each genuine',
  },
  verificationDifficulty: {
    initial: 0.25,
    min: 0,
    max: 1,
    doc: 'difficulty of the most difficult verification person; the training set goes up to 1',
  },
} as const satisfies Record<string, SynthOption>;

/** The make-up of a synthetic face set. */
export type SynthOptions = { [Name in keyof typeof synthOptions]: number };

const entries = Object.entries(synthOptions) as [keyof SynthOptions, SynthOption][];

/** The set that the base configuration trains on. */
export const defaultSynthOptions = Object.fromEntries(
  entries.map(([name, { initial }]) => [name, initial]),
) as Readonly<SynthOptions>;

/** The section `data.synthetic` of a config. */
export const syntheticSection = lazySchema((z) => {
  const shape = entries.map(([name, { initial, min, max, step, doc }]) => {
    const number = (step === undefined ? z.number() : z.int()).min(min).max(max);
    return [name, (step && step > 1 ? number.multipleOf(step) : number).default(initial).describe(doc)];
  });
  return z.strictObject(
    Object.fromEntries(shape) as Record<
      keyof SynthOptions,
      ReturnType<ReturnType<typeof z.number>['default']>
    >,
  );
});

/**
 * Fills in defaults and checks the ranges.
 *
 * @throws KappaError `ERR_ARGUMENT` for a value outside its range.
 */
export function resolveSynthOptions(options: Partial<SynthOptions> = {}): SynthOptions {
  return resolveOptions(syntheticSection(), options, 'synth');
}
