import { SynthRandom } from '../random';
import type { FaceVariation } from './variation';

/** Levels of sRGB by linear light, 0 to 1 in 4096 steps. */
const SRGB = Float32Array.from({ length: 4097 }, (_, step) => 255 * Math.pow(step / 4096, 1 / 2.2));

/** Normal deviates; each picture reads them from a place of its own. */
const GRAIN = (() => {
  const random = new SynthRandom(0x6e);
  return Float32Array.from({ length: 1 << 18 }, () => random.normal());
})();

/**
 * Turns linear light into a photograph: exposure, white balance, blur, coarse resolution, contrast, noise.
 *
 * @param light Linear RGB, interleaved, `size * size` pixels; used as scratch.
 * @returns sRGB bytes, interleaved.
 */
export function develop(light: Float32Array, size: number, variation: FaceVariation): Buffer {
  const { camera } = variation;
  const { exposure, balance, saturation } = camera;
  for (let at = 0; at < light.length; at += 3) {
    let red = light[at]! * exposure * balance[0];
    let green = light[at + 1]! * exposure * balance[1];
    let blue = light[at + 2]! * exposure * balance[2];
    const grey = 0.3 * red + 0.59 * green + 0.11 * blue;
    red = grey + (red - grey) * saturation;
    green = grey + (green - grey) * saturation;
    blue = grey + (blue - grey) * saturation;
    light[at] = shoulder(red);
    light[at + 1] = shoulder(green);
    light[at + 2] = shoulder(blue);
  }
  let image: Float32Array = light;
  if (camera.shrink > 1) image = coarsen(image, size, camera.shrink);
  if (camera.blur > 0.3) image = gaussian(image, size, camera.blur);
  if (camera.motion > 0) image = motion(image, size, camera.motion, camera.motionAngle);

  const grainAt = variation.seed % GRAIN.length;
  const out = Buffer.allocUnsafe(image.length);
  for (let at = 0; at < image.length; at++) {
    const level = SRGB[Math.max(0, Math.min(4096, Math.round(image[at]! * 4096)))]!;
    const grain = camera.noise > 0.5 ? GRAIN[(grainAt + at) & (GRAIN.length - 1)]! * camera.noise : 0;
    out[at] = Math.max(0, Math.min(255, Math.round(128 + (level - 128) * camera.contrast + grain)));
  }
  return out;
}

/** Bends highlights instead of clipping them. */
function shoulder(value: number): number {
  if (value <= 0) return 0;
  return value < 0.6 ? value : 1 - 0.16 / (value - 0.2);
}

function gaussian(image: Float32Array, size: number, sigma: number): Float32Array {
  const radius = Math.max(1, Math.ceil(2.2 * sigma));
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, k) =>
    Math.exp(-((k - radius) ** 2) / (2 * sigma * sigma)),
  );
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  const pass = (from: Float32Array, acrossX: boolean) => {
    const to = new Float32Array(from.length);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        let [red, green, blue] = [0, 0, 0];
        for (let k = -radius; k <= radius; k++) {
          const weight = kernel[k + radius]!;
          const sx = acrossX ? Math.max(0, Math.min(size - 1, x + k)) : x;
          const sy = acrossX ? y : Math.max(0, Math.min(size - 1, y + k));
          const at = 3 * (sy * size + sx);
          red += weight * from[at]!;
          green += weight * from[at + 1]!;
          blue += weight * from[at + 2]!;
        }
        const at = 3 * (y * size + x);
        to[at] = red / total;
        to[at + 1] = green / total;
        to[at + 2] = blue / total;
      }
    }
    return to;
  };
  return pass(pass(image, true), false);
}

function motion(image: Float32Array, size: number, length: number, angle: number): Float32Array {
  const taps = Math.ceil(length) + 1;
  const to = new Float32Array(image.length);
  for (let tap = 0; tap < taps; tap++) {
    const along = (tap / (taps - 1) - 0.5) * length;
    const dx = Math.round(along * Math.cos(angle));
    const dy = Math.round(along * Math.sin(angle));
    for (let y = 0; y < size; y++) {
      const sy = Math.max(0, Math.min(size - 1, y + dy)) * size;
      for (let x = 0; x < size; x++) {
        const from = 3 * (sy + Math.max(0, Math.min(size - 1, x + dx)));
        const at = 3 * (y * size + x);
        to[at] = to[at]! + image[from]! / taps;
        to[at + 1] = to[at + 1]! + image[from + 1]! / taps;
        to[at + 2] = to[at + 2]! + image[from + 2]! / taps;
      }
    }
  }
  return to;
}

/** Reduces the picture by a factor and enlarges it again, as a face far from the camera would look. */
function coarsen(image: Float32Array, size: number, factor: number): Float32Array {
  const small = Math.max(8, Math.round(size / factor));
  const sums = new Float32Array(3 * small * small);
  const counts = new Float32Array(small * small);
  for (let y = 0; y < size; y++) {
    const row = Math.floor((y * small) / size) * small;
    for (let x = 0; x < size; x++) {
      const cell = row + Math.floor((x * small) / size);
      counts[cell] = counts[cell]! + 1;
      for (let c = 0; c < 3; c++) sums[3 * cell + c] = sums[3 * cell + c]! + image[3 * (y * size + x) + c]!;
    }
  }
  for (let cell = 0; cell < counts.length; cell++) {
    for (let c = 0; c < 3; c++) sums[3 * cell + c] = sums[3 * cell + c]! / counts[cell]!;
  }
  const to = new Float32Array(image.length);
  for (let y = 0; y < size; y++) {
    const v = Math.max(0, Math.min(small - 1.001, ((y + 0.5) * small) / size - 0.5));
    const y0 = Math.floor(v);
    for (let x = 0; x < size; x++) {
      const u = Math.max(0, Math.min(small - 1.001, ((x + 0.5) * small) / size - 0.5));
      const x0 = Math.floor(u);
      const [fx, fy] = [u - x0, v - y0];
      const at = 3 * (y0 * small + x0);
      for (let c = 0; c < 3; c++) {
        const top = sums[at + c]! * (1 - fx) + sums[at + 3 + c]! * fx;
        const bottom = sums[at + 3 * small + c]! * (1 - fx) + sums[at + 3 * small + 3 + c]! * fx;
        to[3 * (y * size + x) + c] = top * (1 - fy) + bottom * fy;
      }
    }
  }
  return to;
}
