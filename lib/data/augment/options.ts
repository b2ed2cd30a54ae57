import { argumentError } from '../../errors';

/** Lowest and highest value; one between them is drawn for each image, each equally likely. */
export type Range = [low: number, high: number];

/** What may happen to a training image, in the order in which it happens. Every probability is 0 to 1. */
export interface AugmentOptions {
  /** All but a random rectangle becomes black. */
  crop: {
    probability: number;
    /** Area of the rectangle over that of the image. */
    area: Range;
    /** Width over height of the rectangle, relative to the image's; logarithms are drawn evenly. */
    aspect: Range;
  };
  /** Brightness, contrast and saturation, in random order, each times a factor from 1 - x to 1 + x. */
  photometric: { probability: number; brightness: number; contrast: number; saturation: number };
  /** The colours are lost. */
  grey: { probability: number };
  /** A lens out of focus. */
  gaussianBlur: {
    probability: number;
    /** Standard deviation in pixels. */
    sigma: Range;
  };
  /** A camera or a face that moves, in a direction drawn evenly. */
  motionBlur: {
    probability: number;
    /** Length of the way in pixels. */
    length: Range;
  };
  /** A small picture, enlarged again. */
  lowResolution: {
    probability: number;
    /** Side of the small picture over that of the image. */
    scale: Range;
  };
  /** Artefacts of JPEG at a low quality (chroma halved). */
  jpeg: {
    probability: number;
    /** libjpeg's quality, 1 to 100. */
    quality: Range;
  };
}

export type AugmentName = keyof AugmentOptions;

/** Some of the options; the rest keep their defaults. */
export type AugmentChanges = { [Name in AugmentName]?: Partial<AugmentOptions[Name]> };

/** Everything off, as in the official recipe; the ranges are those of AdaFace where it has the same augmentation. */
export const defaultAugmentOptions: Readonly<AugmentOptions> = {
  crop: { probability: 0, area: [0.2, 1], aspect: [0.75, 1.3333] },
  photometric: { probability: 0, brightness: 0.5, contrast: 0.5, saturation: 0.5 },
  grey: { probability: 0 },
  gaussianBlur: { probability: 0, sigma: [0.5, 2] },
  motionBlur: { probability: 0, length: [3, 11] },
  lowResolution: { probability: 0, scale: [0.2, 1] },
  jpeg: { probability: 0, quality: [30, 90] },
};

/** What an option may be, from low to high; the config's schema reads it from here, too. */
export const augmentLimits = {
  crop: { area: [0.01, 1], aspect: [0.1, 10] },
  photometric: { brightness: [0, 1], contrast: [0, 1], saturation: [0, 1] },
  grey: {},
  gaussianBlur: { sigma: [0, 8] },
  motionBlur: { length: [1, 31] },
  lowResolution: { scale: [0.05, 1] },
  jpeg: { quality: [1, 100] },
} as const satisfies Record<AugmentName, Record<string, readonly [number, number]>>;

/**
 * Fills in defaults and checks the ranges.
 * @throws KappaError ERR_ARGUMENT
 */
export function resolveAugmentOptions(changes: AugmentChanges = {}): AugmentOptions {
  const known: Record<string, Record<string, unknown>> = structuredClone(defaultAugmentOptions);
  for (const [name, section] of Object.entries(changes)) {
    const options = known[name];
    if (!options) throw argumentError('augment', `only ${Object.keys(known).join(', ')}`, name);
    for (const [key, value] of Object.entries(section)) {
      if (value === undefined) continue;
      if (!Object.hasOwn(options, key))
        throw argumentError(`augment.${name}`, `only ${Object.keys(options).join(', ')}`, key);
      checkOption(`augment.${name}.${key}`, value, options[key], limitsOf(name, key));
      options[key] = value;
    }
  }
  return known as unknown as AugmentOptions;
}

function limitsOf(name: string, key: string): readonly [number, number] {
  const limits: Record<string, readonly [number, number]> = augmentLimits[name as AugmentName];
  return limits[key] ?? [0, 1];
}

function checkOption(name: string, value: unknown, like: unknown, [low, high]: readonly [number, number]) {
  const fits = (number: unknown) => typeof number === 'number' && number >= low && number <= high;
  if (!Array.isArray(like)) {
    if (!fits(value)) throw argumentError(name, `a number from ${low} to ${high}`, value);
  } else if (!isRange(value) || !value.every(fits))
    throw argumentError(name, `[low, high] with ${low} <= low <= high <= ${high}`, value);
}

/** Whether a value is two numbers of which the first is not greater. */
export function isRange(value: unknown): value is Range {
  return Array.isArray(value) && value.length === 2 && value[0] <= value[1];
}
