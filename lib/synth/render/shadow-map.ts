import type { Colour } from './colour';
import { newVisibility, rasterize, type Mesh } from './raster';

const SIZE = 112;
/** Texels for each unit of the scene, and how far behind the nearest surface a point must lie to be in shadow. */
const RATE = 0.6;
const BIAS = 2.4;

// Reused from face to face: each thread draws one at a time.
const visibility = newVisibility(SIZE);

/** Tells what the key light reaches: the scene's depth as seen from the light. */
export class ShadowMap {
  private readonly right: Colour;
  private readonly down: Colour;

  constructor(
    private readonly light: Colour,
    meshes: readonly Mesh[],
  ) {
    const flat = Math.hypot(light[0], light[2]) || 1;
    this.right = [light[2] / flat, 0, -light[0] / flat];
    this.down = cross(light, this.right);
    visibility.depth.fill(-1e9);
    for (const mesh of meshes) rasterize(mesh, 0, this.project(mesh.position), visibility);
  }

  /** Share of the light that reaches a point, 0 to 1, with a soft edge. */
  lit(x: number, y: number, z: number): number {
    const { light, right, down } = this;
    const u = (x * right[0] + y * right[1] + z * right[2]) * RATE + SIZE / 2;
    const v = (x * down[0] + (y - 10) * down[1] + z * down[2]) * RATE + SIZE / 2;
    const depth = x * light[0] + y * light[1] + z * light[2] + BIAS;
    const left = Math.floor(u);
    const top = Math.floor(v);
    if (left < 1 || top < 1 || left >= SIZE - 2 || top >= SIZE - 2) return 1;
    const fx = u - left;
    const fy = v - top;
    const at = top * SIZE + left;
    const map = visibility.depth;
    // Four overlapping comparisons: bilinear filtering of a 3 x 3 neighbourhood.
    let sum = 0;
    for (let dy = -1; dy <= 2; dy++) {
      const wy = dy === -1 ? 1 - fy : dy === 2 ? fy : 1;
      for (let dx = -1; dx <= 2; dx++) {
        if (map[at + dy * SIZE + dx]! > depth) continue;
        sum += wy * (dx === -1 ? 1 - fx : dx === 2 ? fx : 1);
      }
    }
    return sum / 9;
  }

  private project(position: Float64Array): Float64Array {
    const { light, right, down } = this;
    const screen = new Float64Array(position.length);
    for (let at = 0; at < position.length; at += 3) {
      const x = position[at]!;
      const y = position[at + 1]!;
      const z = position[at + 2]!;
      screen[at] = (x * right[0] + y * right[1] + z * right[2]) * RATE + SIZE / 2;
      screen[at + 1] = (x * down[0] + (y - 10) * down[1] + z * down[2]) * RATE + SIZE / 2;
      screen[at + 2] = x * light[0] + y * light[1] + z * light[2];
    }
    return screen;
  }
}

function cross(a: Colour, b: Colour): Colour {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
