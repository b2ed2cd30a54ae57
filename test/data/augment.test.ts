import assert from 'node:assert/strict';
import sharp from 'sharp';
import { Augmenter, resolveAugmentOptions, type AugmentChanges } from '../../lib/data/augment';
import { adjustBrightness, adjustContrast, adjustSaturation, toGrey } from '../../lib/data/augment/colour';
import { cropAndPad, drawRectangle } from '../../lib/data/augment/crop';
import { blurGaussian } from '../../lib/data/augment/gaussian-blur';
import { JpegQuality } from '../../lib/data/augment/jpeg-quality';
import { MotionBlur } from '../../lib/data/augment/motion-blur';
import {
  RESAMPLE_FILTERS,
  lowerResolution,
  resizeInto,
  type ResampleFilter,
} from '../../lib/data/augment/resample';
import type { WorkImage } from '../../lib/data/augment/work-image';
import { pixelsAddon } from '../../lib/native/pixels';
import { Xoshiro128 } from '../../lib/random';
import { close, golden } from '../support/assert';
import { hashPixelOperations } from '../support/augment-cases';

interface Golden {
  size: [number, number];
  image: number[];
  resized: { filter: ResampleFilter; size: [number, number]; pixels: number[] }[];
  blurred: { sigma: number; pixels: number[] }[];
  grey: number[];
}

const reference = golden<Golden>('augment.json');
// Half a step of rounding, and the reference's own.
const ROUNDING = 0.502;

function noise(height: number, width: number, seed = 1): WorkImage {
  const random = Xoshiro128.fromSeed(seed);
  return {
    pixels: Uint8Array.from({ length: 3 * height * width }, () => random.below(256)),
    height,
    width,
  };
}

function goldenImage(): WorkImage {
  const [height, width] = reference.size;
  return { pixels: Uint8Array.from(reference.image), height, width };
}

const luma = (pixels: ArrayLike<number>, at: number) =>
  0.299 * pixels[at]! + 0.587 * pixels[at + 1]! + 0.114 * pixels[at + 2]!;
const saturate = (value: number) => Math.min(255, Math.max(0, value));

/** A picture with edges and shades, of which JPEG can make something. */
function picture(side = 112): WorkImage {
  const image = noise(side, side);
  image.pixels.forEach((_, i) => {
    const [x, y] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side)];
    const disc = Math.hypot(x - side / 2, y - side / 2) < side / 3 ? 90 : 0;
    image.pixels[i] = saturate(disc + x + (i % 3) * 25 + 20 * Math.sin(y / 3));
  });
  return image;
}

describe('augmentation', () => {
  for (const set of pixelsAddon().instructionSets())
    it(`makes the same pixels as ever, to the bit, by the loops for ${set}`, () => {
      const addon = pixelsAddon();
      const before = addon.instructionSet();
      addon.useInstructionSet(set);
      try {
        assert.equal(addon.instructionSet(), set);
        assert.deepEqual(
          hashPixelOperations({
            brightness: adjustBrightness,
            contrast: adjustContrast,
            saturation: adjustSaturation,
            crop: cropAndPad,
            gaussianBlur: blurGaussian,
            motionBlur: (image, length, angle) => new MotionBlur(31).apply(image, length, angle),
            lowResolution: lowerResolution,
            resize: resizeInto,
          }),
          golden<Record<string, string>>('augment-bits.json'),
        );
      } finally {
        addon.useInstructionSet(before);
      }
    });

  describe('resizes', () => {
    for (const { filter, size, pixels } of reference.resized)
      it(`as OpenCV does: ${filter} to ${size.join(' x ')}`, () => {
        const [height, width] = size;
        const target = { pixels: new Uint8Array(3 * height * width), height, width };
        resizeInto(target, goldenImage(), filter);
        close(target.pixels, pixels, ROUNDING);
      });

    it('a flat image to itself, by every filter, to every size and back', () => {
      for (const down of RESAMPLE_FILTERS)
        for (const up of RESAMPLE_FILTERS)
          for (let small = 1; small <= 20; small++) {
            const image = noise(20, 15);
            image.pixels.forEach((_, i) => (image.pixels[i] = [200, 3, 77][i % 3]!));
            const before = image.pixels.slice();
            lowerResolution(image, small / 20, down, up);
            assert.deepEqual(image.pixels, before, `${down}, ${up}, ${small}`);
          }
    });

    it('nothing at scale 1, and leaves one colour of the smallest image', () => {
      for (const filter of RESAMPLE_FILTERS) {
        const image = noise(9, 9);
        lowerResolution(image, 1, filter, filter);
        assert.deepEqual(image.pixels, noise(9, 9).pixels, filter);
      }
      const image = noise(9, 9);
      lowerResolution(image, 0.01, 'area', 'bicubic');
      const mean = [0, 1, 2].map(
        (c) =>
          noise(9, 9)
            .pixels.filter((_, i) => i % 3 === c)
            .reduce((a, b) => a + b) / 81,
      );
      close(
        image.pixels,
        Array.from(image.pixels, (_, i) => mean[i % 3]!),
        ROUNDING,
      );
    });
  });

  describe('blurs', () => {
    for (const { sigma, pixels } of reference.blurred)
      it(`as OpenCV does: sigma ${sigma}`, () => {
        const image = goldenImage();
        blurGaussian(image, sigma);
        close(image.pixels, pixels, ROUNDING);
      });

    it('along a way: each pixel is the mean of the image along it', () => {
      const source = goldenImage();
      const { height, width } = source;
      const at = (x: number, y: number, c: number) =>
        source.pixels[
          3 * (Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))) + c
        ]!;
      const between = (x: number, y: number, c: number) => {
        const [l, t] = [Math.floor(x), Math.floor(y)];
        const [u, v] = [x - l, y - t];
        return (
          (1 - u) * (1 - v) * at(l, t, c) +
          u * (1 - v) * at(l + 1, t, c) +
          (1 - u) * v * at(l, t + 1, c) +
          u * v * at(l + 1, t + 1, c)
        );
      };
      const blur = new MotionBlur(9);
      for (const [length, angle] of [
        [3, 0],
        [5, Math.PI / 2],
        [6.3, 1],
        [9, 2.5],
        [1.2, 0.3],
      ] as const) {
        const image = goldenImage();
        blur.apply(image, length, angle);
        const points = Math.ceil(2 * (length - 1)) + 1;
        const expected = Array.from(image.pixels, (_, i) => {
          const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
          let sum = 0;
          for (let p = 0; p < points; p++) {
            const way = (length - 1) * (p / (points - 1) - 0.5);
            sum += between(x + way * Math.cos(angle), y + way * Math.sin(angle), i % 3);
          }
          return sum / points;
        });
        close(image.pixels, expected, ROUNDING, `length ${length}, angle ${angle}`);
      }
    });

    it('nothing at no strength, keeps flat images, and spreads a point without loss', () => {
      const flat = noise(11, 8);
      flat.pixels.fill(131);
      blurGaussian(flat, 7.9);
      new MotionBlur(31).apply(flat, 30.3, 0.7);
      assert.ok(flat.pixels.every((value) => value === 131));
      const image = noise(11, 8);
      blurGaussian(image, 0);
      new MotionBlur(31).apply(image, 1, 0.7);
      assert.deepEqual(image.pixels, noise(11, 8).pixels);
      for (const blur of [
        (point: WorkImage) => blurGaussian(point, 1.1),
        (point: WorkImage) => new MotionBlur(5).apply(point, 5, 0.4),
      ]) {
        const point = noise(31, 31);
        point.pixels.fill(0);
        point.pixels.fill(255, 3 * (15 * 31 + 15), 3 * (15 * 31 + 15) + 3);
        blur(point);
        const sum = point.pixels.reduce((a, b) => a + b, 0) / 3;
        assert.ok(Math.abs(sum - 255) <= 12, `${sum}`); // each of the pixels that it reaches is rounded
      }
    });
  });

  describe('changes colours', () => {
    it('to grey as OpenCV does, with equal channels', () => {
      const image = goldenImage();
      toGrey(image);
      close(
        image.pixels,
        reference.grey.flatMap((y) => [y, y, y]),
        ROUNDING,
      );
      for (let i = 0; i < image.pixels.length; i += 3)
        assert.ok(image.pixels[i] === image.pixels[i + 1] && image.pixels[i] === image.pixels[i + 2]);
    });

    it('by the formulas of brightness, contrast and saturation, saturating', () => {
      const { pixels: before } = goldenImage();
      let mean = 0;
      for (let i = 0; i < before.length; i += 3) mean += luma(before, i) / (before.length / 3);
      for (const factor of [0, 0.5, 0.83, 1, 1.5, 2]) {
        const after = (change: (image: WorkImage, factor: number) => void) => {
          const image = goldenImage();
          change(image, factor);
          return image.pixels;
        };
        const expect = (of: (value: number, i: number) => number) =>
          Array.from(before, (value, i) => saturate(of(value, i)));
        close(
          after(adjustBrightness),
          expect((value) => factor * value),
          ROUNDING,
        );
        close(
          after(adjustContrast),
          expect((value) => factor * value + (1 - factor) * mean),
          ROUNDING,
        );
        const own = (i: number) => luma(before, i - (i % 3));
        close(
          after(adjustSaturation),
          expect((value, i) => factor * value + (1 - factor) * own(i)),
          ROUNDING,
        );
      }
    });

    it('into those of JPEG, the worse the lower the quality', async () => {
      // sharp's transform is the exact one, this one's the fast one: they differ by about one step.
      const encoder = new JpegQuality(112, 112);
      const errors: number[] = [];
      for (const quality of [100, 80, 50, 20, 5]) {
        const { pixels, ...size } = picture();
        encoder.apply({ pixels, ...size }, quality);
        const original = picture().pixels;
        const raw = sharp(Buffer.from(original), { raw: { width: 112, height: 112, channels: 3 } });
        const encoded = await raw
          .jpeg({ quality, chromaSubsampling: '4:2:0', optimiseCoding: false })
          .toBuffer();
        const independent = await sharp(encoded).raw().toBuffer();
        const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
          Array.from(a).reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
        assert.ok(
          distance(pixels, independent) < 1.5,
          `quality ${quality}: ${distance(pixels, independent)}`,
        );
        errors.push(distance(pixels, original));
      }
      assert.deepEqual(
        [...errors].sort((a, b) => a - b),
        errors,
      );
      assert.ok(errors[0]! < 2 && errors[4]! > 4, `${errors}`);
    });
  });

  describe('crops', () => {
    it('keeping the rectangle where it was, the rest black', () => {
      for (const kept of [
        { left: 2, top: 1, width: 4, height: 6 },
        { left: 0, top: 0, width: 8, height: 11 },
        { left: 7, top: 10, width: 1, height: 1 },
      ]) {
        const image = noise(11, 8);
        cropAndPad(image, kept);
        const before = noise(11, 8).pixels;
        image.pixels.forEach((value, i) => {
          const [x, y] = [Math.floor(i / 3) % 8, Math.floor(i / 24)];
          const inside =
            x >= kept.left && x < kept.left + kept.width && y >= kept.top && y < kept.top + kept.height;
          assert.equal(value, inside ? before[i] : 0);
        });
      }
    });

    it('to the areas and shapes asked for, anywhere in the image', () => {
      const random = Xoshiro128.fromSeed(3);
      const image = { height: 400, width: 200, pixels: new Uint8Array(0) };
      const reached = { left: 0, right: 0, top: 0, bottom: 0 };
      for (let i = 0; i < 3000; i++) {
        const options = { probability: 1, area: [0.1, 0.4], aspect: [0.5, 2] } as const;
        const { left, top, width, height } = drawRectangle(
          image,
          { ...options, area: [0.1, 0.4], aspect: [0.5, 2] },
          random,
        );
        const [area, aspect] = [(width * height) / 80_000, width / 200 / (height / 400)];
        assert.ok(area > 0.098 && area < 0.405, `area ${area}`);
        assert.ok(aspect > 0.49 && aspect < 2.04, `aspect ${aspect}`);
        assert.ok(left >= 0 && top >= 0 && left + width <= 200 && top + height <= 400);
        reached.left += Number(left === 0);
        reached.top += Number(top === 0);
        reached.right += Number(left + width === 200);
        reached.bottom += Number(top + height === 400);
      }
      assert.ok(
        Object.values(reached).every((times) => times > 0),
        JSON.stringify(reached),
      );
    });
  });

  describe('of samples', () => {
    const SIDE = 16;
    const everything: AugmentChanges = {
      crop: { probability: 0.3 },
      photometric: { probability: 0.3 },
      grey: { probability: 0.3 },
      gaussianBlur: { probability: 0.3 },
      motionBlur: { probability: 0.3 },
      lowResolution: { probability: 0.3 },
      jpeg: { probability: 0.3 },
    };
    const make = (changes: AugmentChanges, seed = 5) =>
      new Augmenter(resolveAugmentOptions(changes), seed, [SIDE, SIDE]);
    const result = (augmenter: Augmenter, epoch: number, sample: number) => {
      const out = Uint8Array.from(noise(SIDE, SIDE).pixels);
      augmenter.apply(out, epoch, sample);
      return Buffer.from(out).toString('base64');
    };

    it('does nothing unless it is asked to, and nothing at zero strength', () => {
      assert.equal(make({}).apply(new Uint8Array(SIDE * SIDE * 3), 0, 0), false);
      const idle = make({
        crop: { probability: 1, area: [1, 1], aspect: [1, 1] },
        photometric: { probability: 1, brightness: 0, contrast: 0, saturation: 0 },
        gaussianBlur: { probability: 1, sigma: [0, 0] },
        motionBlur: { probability: 1, length: [1, 1] },
        lowResolution: { probability: 1, scale: [1, 1] },
      });
      const before = Uint8Array.from(noise(SIDE, SIDE).pixels);
      for (let sample = 0; sample < 20; sample++) {
        const out = before.slice();
        assert.equal(idle.apply(out, 0, sample), true);
        assert.deepEqual(out, before);
      }
    });

    it('depends on seed, epoch and sample, and on no image before', () => {
      const forwards = make(everything);
      const first = Array.from({ length: 60 }, (_, sample) => result(forwards, 2, sample));
      const backwards = make(everything);
      for (let sample = 59; sample >= 0; sample--) {
        result(backwards, 7, sample);
        assert.equal(result(backwards, 2, sample), first[sample]);
      }
      const others = (augmenter: Augmenter, epoch: number) =>
        first.filter((expected, sample) => result(augmenter, epoch, sample) !== expected).length;
      assert.equal(others(make(everything), 2), 0);
      assert.ok(others(make(everything), 3) > 45);
      assert.ok(others(make(everything, 6), 2) > 45);
      assert.ok(new Set(first).size > 45);
    });

    it('draws each augmentation without regard to what else is switched on', () => {
      const alone = make({ grey: { probability: 0.4 } });
      const among = make({ ...everything, jpeg: { probability: 0 }, grey: { probability: 0.4 } });
      const isGrey = (augmenter: Augmenter, sample: number) => {
        const out = Uint8Array.from(noise(SIDE, SIDE).pixels);
        augmenter.apply(out, 1, sample);
        return out.every((value, i) => value === out[i - (i % 3)]);
      };
      for (let sample = 0; sample < 100; sample++)
        assert.equal(isGrey(alone, sample), isGrey(among, sample), `sample ${sample}`);
    });

    it('happens to the share of the images that was asked for', () => {
      for (const name of ['crop', 'grey', 'jpeg'] as const)
        for (const probability of [0.1, 0.5, 0.9]) {
          const augmenter = make({ [name]: { probability } });
          const out = new Uint8Array(SIDE * SIDE * 3);
          let changed = 0;
          for (let sample = 0; sample < 4000; sample++) changed += Number(augmenter.apply(out, 0, sample));
          const deviation = Math.sqrt(4000 * probability * (1 - probability));
          assert.ok(Math.abs(changed - 4000 * probability) < 4.5 * deviation, `${name}: ${changed} of 4000`);
        }
    });

    it('refuses what cannot be', () => {
      const refuses = (changes: unknown, message: RegExp) =>
        assert.throws(() => resolveAugmentOptions(changes as AugmentChanges), {
          code: 'ERR_ARGUMENT',
          message,
        });
      refuses(
        { crop: { probability: 1.5 } },
        /a number, at least 0 and at most 1 for augment\.crop\.probability/,
      );
      refuses({ crop: { area: [0.5, 0.2] } }, /^augment\.crop\.area: expected \[low, high\]/);
      refuses({ jpeg: { quality: [0, 50] } }, /augment\.jpeg\.quality/);
      refuses({ gaussianBlur: { sigma: 2 } }, /augment\.gaussianBlur\.sigma/);
      refuses({ gaussianBlur: { sigma: [NaN, 2] } }, /augment\.gaussianBlur\.sigma/);
      refuses(
        { grey: { sigma: [1, 2] } },
        /^augment\.grey\.sigma: there is no such option\. Did you mean gaussianBlur\.sigma/,
      );
      refuses(
        { fog: { probability: 1 } },
        /^augment\.fog: there is no such option\. Known here: crop, photometric/,
      );
    });
  });
});
