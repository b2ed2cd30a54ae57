import { z } from 'zod';
import { augmentLimits, defaultAugmentOptions, type AugmentName, type Range } from '../data/augment/options';

const probability = (name: AugmentName) =>
  z.number().min(0).max(1).default(defaultAugmentOptions[name].probability).describe('share of the images');

/** A pair of numbers within an augmentation's limits. */
const range = ([low, high]: readonly [number, number], initial: Range, doc: string) => {
  const end = () => z.number().min(low).max(high);
  return z.tuple([end(), end()]).default(initial).describe(doc);
};

const strength = (name: 'brightness' | 'contrast' | 'saturation') =>
  z
    .number()
    .min(augmentLimits.photometric[name][0])
    .max(augmentLimits.photometric[name][1])
    .default(defaultAugmentOptions.photometric[name])
    .describe(`${name} is multiplied by 1 - x to 1 + x`);

const { crop, gaussianBlur, motionBlur, lowResolution, jpeg } = defaultAugmentOptions;

/** The section data.augment: what may happen to a training image, in this order. */
export const augmentSchema = z.strictObject({
  crop: z
    .strictObject({
      probability: probability('crop'),
      area: range(augmentLimits.crop.area, crop.area, "area of what stays over the image's"),
      aspect: range(augmentLimits.crop.aspect, crop.aspect, 'width over height of what stays'),
    })
    .prefault({})
    .describe('all but a random rectangle becomes black'),
  photometric: z
    .strictObject({
      probability: probability('photometric'),
      brightness: strength('brightness'),
      contrast: strength('contrast'),
      saturation: strength('saturation'),
    })
    .prefault({})
    .describe('brightness, contrast and saturation, in random order'),
  grey: z
    .strictObject({ probability: probability('grey') })
    .prefault({})
    .describe('the colours are lost'),
  gaussianBlur: z
    .strictObject({
      probability: probability('gaussianBlur'),
      sigma: range(augmentLimits.gaussianBlur.sigma, gaussianBlur.sigma, 'standard deviation in pixels'),
    })
    .prefault({})
    .describe('a lens out of focus'),
  motionBlur: z
    .strictObject({
      probability: probability('motionBlur'),
      length: range(augmentLimits.motionBlur.length, motionBlur.length, 'length of the way in pixels'),
    })
    .prefault({})
    .describe('a camera or a face that moves, in any direction'),
  lowResolution: z
    .strictObject({
      probability: probability('lowResolution'),
      scale: range(
        augmentLimits.lowResolution.scale,
        lowResolution.scale,
        "side of the small picture over the image's",
      ),
    })
    .prefault({})
    .describe('a small picture, enlarged again; both filters are drawn'),
  jpeg: z
    .strictObject({
      probability: probability('jpeg'),
      quality: range(augmentLimits.jpeg.quality, jpeg.quality, "libjpeg's quality"),
    })
    .prefault({})
    .describe('artefacts of JPEG (chroma halved)'),
});
