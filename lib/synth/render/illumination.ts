import type { ShadowMap } from './shadow-map';
import type { Surface } from './surface';
import type { FaceVariation } from './variation';

/** Lights surfaces: key light with cast shadow and some light through the skin, sky, fill light, highlight. */
export class Illumination {
  private hard = 0;
  private softRed = 0;
  private softOther = 0;
  private above = 0;
  private back = 0;
  private shine = 0;
  private readonly halfway: readonly [number, number, number];

  constructor(
    private readonly light: FaceVariation['light'],
    private readonly shadows: ShadowMap,
  ) {
    const [x, y, z] = light.direction;
    const length = Math.sqrt(x * x + y * y + (z + 1) * (z + 1)) || 1;
    this.halfway = [x / length, y / length, (z + 1) / length];
  }

  /** Finds the light at a point: position and normal, x, y, z each. */
  prepare(point: Float64Array): void {
    const { direction, fill, shadow } = this.light;
    const length = Math.sqrt(point[3]! ** 2 + point[4]! ** 2 + point[5]! ** 2) || 1;
    const nx = point[3]! / length;
    const ny = point[4]! / length;
    const nz = point[5]! / length;
    const facing = nx * direction[0] + ny * direction[1] + nz * direction[2];
    const lit = facing > -0.3 ? this.shadows.lit(point[0]!, point[1]!, point[2]!) : 0;
    const reach = 1 - shadow * (1 - lit);
    this.hard = reach * Math.max(0, facing);
    // Red light travels farthest under the skin and reddens the edge of the shade.
    this.softRed = (reach * Math.max(0, facing + 0.3)) / 1.3;
    this.softOther = (reach * Math.max(0, facing + 0.1)) / 1.1;
    this.above = 0.72 - 0.28 * ny;
    this.back = fill * Math.max(0, -nx * Math.sign(direction[0]) * 0.7 + nz * 0.5);
    const aligned = nx * this.halfway[0] + ny * this.halfway[1] + nz * this.halfway[2];
    this.shine = facing > 0 && aligned > 0.7 ? Math.pow(aligned, 22) * reach : 0;
  }

  /** Writes the light that a surface at the prepared point sends to the camera, red, green, blue. */
  apply(surface: Surface, out: Float32Array, at: number): void {
    const { key, ambient } = this.light;
    const red = this.hard + (this.softRed - this.hard) * surface.soft;
    const other = this.hard + (this.softOther - this.hard) * surface.soft;
    const glow = this.shine * surface.gloss + surface.glint;
    out[at] = surface.red * (key[0] * red + ambient[0] * this.above + this.back) + glow * key[0];
    out[at + 1] = surface.green * (key[1] * other + ambient[1] * this.above + this.back) + glow * key[1];
    out[at + 2] = surface.blue * (key[2] * other + ambient[2] * this.above + this.back) + glow * key[2];
  }
}
