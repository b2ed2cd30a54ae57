import { resolveOptions } from '../../options/check';
import { lazySchema, type Input, type Output, type Z } from '../../options/schema';
import { fraction } from '../../options/types';

const probability = (z: Z) => fraction(z).default(0).describe('share of the images');

/** Two numbers between which one is drawn for each image, each equally likely. */
const range = (z: Z, [low, high]: [number, number], initial: [number, number], doc: string) => {
  const end = () => z.number().min(low).max(high);
  return z
    .tuple([end(), end()])
    .refine(([from, to]) => from <= to, { error: 'expected [low, high]' })
    .default(initial)
    .describe(doc);
};

const strength = (z: Z, what: string) =>
  fraction(z).default(0.5).describe(`${what} is multiplied by 1 - x to 1 + x`);

/**
 * The section `data.augment` of a config: what may happen to a training image, in this order. Everything is off, as in
 * the official recipe; the ranges are those of AdaFace where it has the same augmentation.
 */
export const augmentSection = lazySchema((z) =>
  z
    .strictObject({
      crop: z
        .strictObject({
          probability: probability(z),
          area: range(z, [0.01, 1], [0.2, 1], "area of what stays over the image's"),
          aspect: range(
            z,
            [0.1, 10],
            [0.75, 1.3333],
            "width over height of what stays, relative to the image's; logarithms are drawn evenly",
          ),
        })
        .prefault({})
        .describe('all but a random rectangle becomes black'),
      photometric: z
        .strictObject({
          probability: probability(z),
          brightness: strength(z, 'brightness'),
          contrast: strength(z, 'contrast'),
          saturation: strength(z, 'saturation'),
        })
        .prefault({})
        .describe('brightness, contrast and saturation, in random order'),
      grey: z
        .strictObject({ probability: probability(z) })
        .prefault({})
        .describe('the colours are lost'),
      gaussianBlur: z
        .strictObject({
          probability: probability(z),
          sigma: range(z, [0, 8], [0.5, 2], 'standard deviation in pixels'),
        })
        .prefault({})
        .describe('a lens out of focus'),
      motionBlur: z
        .strictObject({
          probability: probability(z),
          length: range(z, [1, 31], [3, 11], 'length of the way in pixels'),
        })
        .prefault({})
        .describe('a camera or a face that moves, in any direction'),
      lowResolution: z
        .strictObject({
          probability: probability(z),
          scale: range(z, [0.05, 1], [0.2, 1], "side of the small picture over the image's"),
        })
        .prefault({})
        .describe('a small picture, enlarged again; both filters are drawn'),
      jpeg: z
        .strictObject({
          probability: probability(z),
          quality: range(z, [1, 100], [30, 90], "libjpeg's quality"),
        })
        .prefault({})
        .describe('artefacts of JPEG (chroma halved)'),
    })
    .prefault({})
    .describe('what else may happen to a training image; all off, as in the official recipe'),
);

/** What may happen to a training image, in the order in which it happens. */
export type AugmentOptions = Output<typeof augmentSection>;

export type AugmentName = keyof AugmentOptions;

/** Some of the options; the rest keep their defaults. */
export type AugmentChanges = NonNullable<Input<typeof augmentSection>>;

/**
 * Fills in defaults and checks the ranges.
 * @throws KappaError ERR_ARGUMENT
 */
export function resolveAugmentOptions(changes: AugmentChanges = {}): AugmentOptions {
  return resolveOptions(augmentSection(), changes, 'augment');
}
