import assert from 'node:assert/strict';
import { decompressSync, FORMAT_RGB } from '@julusian/jpeg-turbo';
import { drawIdentity, drawVariation, FACE_SIZE, renderFace } from '../../lib/synth';
import { drawPhotos } from '../../lib/synth/render/draw-photo';
import { SynthRandom } from '../../lib/synth/random';

const SEED = 11;

/** A photograph of a person under the mildest circumstances, facing the camera. */
function portrait(person: number) {
  const identity = drawIdentity(SEED, person);
  const variation = drawVariation(new SynthRandom(SEED, person), identity, 0);
  variation.pose = { yaw: 0, pitch: 0, roll: 0 };
  variation.crop = { turn: 0, zoom: 1, x: 0, y: 0 };
  variation.light.direction = [0, -0.28, 0.96];
  variation.expression = { smile: 0, open: 0, eyes: 1, browRaise: 0, gazeX: 0, gazeY: 0 };
  variation.occlusion.kind = 'none';
  variation.look.glasses = false;
  Object.assign(variation.camera, { exposure: 1, blur: 0, motion: 0, shrink: 1, noise: 0, contrast: 1 });
  return { identity, variation };
}

const grey = (pixels: Buffer, x: number, y: number) => {
  const at = 3 * (y * FACE_SIZE + x);
  return 0.3 * pixels[at]! + 0.59 * pixels[at + 1]! + 0.11 * pixels[at + 2]!;
};

function meanGrey(pixels: Buffer, left: number, top: number, right: number, bottom: number): number {
  let sum = 0;
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += grey(pixels, x, y);
  return sum / ((right - left) * (bottom - top));
}

describe('a synthetic face', () => {
  it('is the same, byte for byte, whenever it is drawn', () => {
    const [first] = drawPhotos(SEED, { person: 3, difficulty: 0.8, images: 1 });
    drawPhotos(SEED, { person: 9, difficulty: 0.2, images: 2 });
    const [again, next] = drawPhotos(SEED, { person: 3, difficulty: 0.8, images: 2 });
    assert.ok(first!.equals(again!), 'the number of images and what was drawn before make no difference');
    assert.ok(!again!.equals(next!), 'two photographs of a person differ');
  });

  it('is a 112 x 112 JPEG', () => {
    const [photo] = drawPhotos(SEED, { person: 1, difficulty: 0.5, images: 1 });
    const { width, height, data } = decompressSync(photo!, { format: FORMAT_RGB });
    assert.deepEqual([width, height, data.length], [FACE_SIZE, FACE_SIZE, 3 * FACE_SIZE * FACE_SIZE]);
  });

  it('has its eyes and mouth where ArcFace alignment puts them', () => {
    let eyes = 0;
    let mouths = 0;
    const people = 12;
    for (let person = 0; person < people; person++) {
      const { identity, variation } = portrait(person);
      identity.beard = { moustache: 0, chin: 0, cheek: 0 };
      const pixels = renderFace(identity, variation);
      const cheeks = (meanGrey(pixels, 30, 66, 40, 74) + meanGrey(pixels, 72, 66, 82, 74)) / 2;
      // Irises and lashes at (38, 52) and (74, 52), lips around (56, 92), each darker than the cheeks.
      const left = meanGrey(pixels, 35, 48, 42, 55) / cheeks;
      const right = meanGrey(pixels, 70, 48, 77, 55) / cheeks;
      if (left < 0.9 && right < 0.9) eyes++;
      if (meanGrey(pixels, 50, 88, 62, 97) < meanGrey(pixels, 50, 102, 62, 105)) mouths++;
    }
    assert.ok(eyes >= people - 2, `eyes of ${eyes} of ${people}`);
    assert.ok(mouths >= people - 3, `mouths of ${mouths} of ${people}`);
  });

  it('changes with pose, light, expression, occlusion and camera', () => {
    const { identity, variation } = portrait(5);
    const base = renderFace(identity, variation);
    const changed: Record<string, (v: typeof variation) => void> = {
      pose: (v) => (v.pose.yaw = 0.5),
      light: (v) => (v.light.direction = [0.8, -0.2, 0.56]),
      expression: (v) => (v.expression.open = 0.8),
      mask: (v) => (v.occlusion.kind = 'mask'),
      sunglasses: (v) => (v.occlusion.kind = 'sunglasses'),
      hand: (v) => (v.occlusion.kind = 'hand'),
      strand: (v) => (v.occlusion.kind = 'strand'),
      blur: (v) => (v.camera.blur = 2),
      noise: (v) => (v.camera.noise = 12),
      background: (v) =>
        (v.background.colours = [
          [1, 0, 0],
          [1, 0, 0],
          [1, 0, 0],
        ]),
    };
    for (const [name, change] of Object.entries(changed)) {
      const copy = structuredClone(variation);
      change(copy);
      assert.ok(difference(base, renderFace(identity, copy)) > 0.4, name);
    }
  });

  it('throws its shadow away from the light', () => {
    const { identity, variation } = portrait(2);
    const lightFrom = (x: number) => {
      variation.light.direction = [x, -0.2, Math.sqrt(0.96 - x * x)];
      return renderFace(identity, variation);
    };
    const side = (pixels: Buffer, left: number) => meanGrey(pixels, left, 60, left + 16, 80);
    const fromRight = lightFrom(0.85);
    const fromLeft = lightFrom(-0.85);
    assert.ok(side(fromRight, 76) > 1.2 * side(fromRight, 22));
    assert.ok(side(fromLeft, 22) > 1.2 * side(fromLeft, 76));
  });

  it('varies more in every respect the more difficult the person', () => {
    const identity = drawIdentity(SEED, 1);
    const spread = (difficulty: number) => {
      const random = new SynthRandom(SEED);
      const draws = Array.from({ length: 400 }, () => drawVariation(random, identity, difficulty));
      const mean = (value: (v: (typeof draws)[number]) => number) =>
        draws.reduce((sum, variation) => sum + Math.abs(value(variation)), 0) / draws.length;
      return {
        yaw: mean((v) => v.pose.yaw),
        pitch: mean((v) => v.pose.pitch),
        crop: mean((v) => v.crop.x),
        light: mean((v) => v.light.direction[0]),
        expression: mean((v) => v.expression.open),
        age: mean((v) => v.look.age),
        occlusion: mean((v) => (v.occlusion.kind === 'none' ? 0 : 1)),
        blur: mean((v) => v.camera.blur),
        noise: mean((v) => v.camera.noise),
        compression: mean((v) => 95 - v.camera.quality),
      };
    };
    const [easy, middle, hard] = [spread(0), spread(0.5), spread(1)];
    for (const key of Object.keys(easy) as (keyof typeof easy)[]) {
      assert.ok(easy[key] < middle[key] && middle[key] < hard[key], key);
    }
  });
});

/** Mean absolute difference in levels. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]!), 0) / a.length;
}
