import { SynthRandom } from '../random';

const SIDE = 256;
const TABLE = (() => {
  const random = new SynthRandom(0x0153);
  return Float32Array.from({ length: SIDE * SIDE }, () => random.next());
})();

/** Smooth noise in [0, 1] with a grain of about one unit; repeats after 256 units. */
export function valueNoise(x: number, y: number): number {
  const floorX = Math.floor(x);
  const floorY = Math.floor(y);
  const fx = x - floorX;
  const fy = y - floorY;
  const x0 = floorX & (SIDE - 1);
  const x1 = (floorX + 1) & (SIDE - 1);
  const y0 = (floorY & (SIDE - 1)) * SIDE;
  const y1 = ((floorY + 1) & (SIDE - 1)) * SIDE;
  const a = TABLE[y0 + x0]!;
  const b = TABLE[y0 + x1]!;
  const c = TABLE[y1 + x0]!;
  const d = TABLE[y1 + x1]!;
  const sx = fx * fx * (3 - 2 * fx);
  const top = a + (b - a) * sx;
  return top + (c + (d - c) * sx - top) * (fy * fy * (3 - 2 * fy));
}
