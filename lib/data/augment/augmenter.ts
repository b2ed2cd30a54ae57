import type { Xoshiro128 } from '../../random';
import { adjustBrightness, adjustContrast, adjustSaturation, toGrey } from './colour';
import { cropAndPad, drawRectangle } from './crop';
import { between } from './draw';
import { blurGaussian } from './gaussian-blur';
import { JpegQuality } from './jpeg-quality';
import { MotionBlur } from './motion-blur';
import type { AugmentName, AugmentOptions } from './options';
import { RESAMPLE_FILTERS, lowerResolution, type ResampleFilter } from './resample';
import { SampleRandom } from './sample-random';
import type { WorkImage } from './work-image';

type Change = (image: WorkImage, random: Xoshiro128) => void;

interface Step {
  /** Number of its random stream: what else is switched on makes no difference to it. */
  stream: number;
  probability: number;
  change: Change;
}

// Enlarged by area, a picture would be that of `nearest` with some blended seams.
const ENLARGING: readonly ResampleFilter[] = ['nearest', 'bilinear', 'bicubic'];

/**
 * Augments decoded images in place. What happens to an image depends on the options, the seed, the epoch and the
 * sample alone.
 */
export class Augmenter {
  readonly #steps: readonly Step[];
  readonly #random: SampleRandom;
  readonly #image: WorkImage;

  /** @param size height and width of the images in pixels */
  constructor(options: AugmentOptions, seed: number, [height, width]: readonly [number, number]) {
    this.#random = new SampleRandom(seed);
    this.#image = { pixels: new Uint8Array(0), height, width };
    this.#steps = NAMES.map((name, stream) => ({ name, stream, probability: options[name].probability }))
      .filter(({ probability }) => probability > 0)
      .map((step) => ({ ...step, change: makeChange[step.name](options, height, width) }));
  }

  /**
   * @param out uint8 RGB, height * width * 3 bytes
   * @returns whether anything was done to it
   */
  apply(out: Uint8Array, epoch: number, sample: number): boolean {
    let changed = false;
    this.#image.pixels = out;
    for (const { stream, probability, change } of this.#steps) {
      const random = this.#random.stream(epoch, sample, stream);
      if (random.uniform() >= probability) continue;
      changed = true;
      change(this.#image, random);
    }
    return changed;
  }
}

const makeChange: Record<AugmentName, (options: AugmentOptions, height: number, width: number) => Change> = {
  crop:
    ({ crop }) =>
    (image, random) =>
      cropAndPad(image, drawRectangle(image, crop, random)),
  photometric: ({ photometric }) => {
    const order = new Uint8Array(3);
    return (image, random) => {
      drawOrder(order, random);
      for (const which of order) {
        const strength = [photometric.brightness, photometric.contrast, photometric.saturation][which]!;
        const factor = between([1 - strength, 1 + strength], random);
        [adjustBrightness, adjustContrast, adjustSaturation][which]!(image, factor);
      }
    };
  },
  grey: () => toGrey,
  gaussianBlur:
    ({ gaussianBlur: { sigma } }) =>
    (image, random) =>
      blurGaussian(image, between(sigma, random)),
  motionBlur: ({ motionBlur: { length } }) => {
    const blur = new MotionBlur(length[1]);
    return (image, random) => blur.apply(image, between(length, random), Math.PI * random.uniform());
  },
  lowResolution:
    ({ lowResolution: { scale } }) =>
    (image, random) => {
      const down = RESAMPLE_FILTERS[random.below(RESAMPLE_FILTERS.length)]!;
      const up = ENLARGING[random.below(ENLARGING.length)]!;
      lowerResolution(image, between(scale, random), down, up);
    },
  jpeg: ({ jpeg: { quality } }, height, width) => {
    const encoder = new JpegQuality(height, width);
    const [low, high] = [Math.ceil(quality[0]), Math.floor(quality[1])];
    return (image, random) => encoder.apply(image, low + random.below(Math.max(1, high - low + 1)));
  },
};

/** In the order in which they happen, whatever that of the options: it numbers the random streams. */
const NAMES = Object.keys(makeChange) as AugmentName[];

/** One of the six orders of 0, 1 and 2. */
function drawOrder(order: Uint8Array, random: Xoshiro128): void {
  const first = random.below(3);
  const second = (first + 1 + random.below(2)) % 3;
  order[0] = first;
  order[1] = second;
  order[2] = 3 - first - second;
}
