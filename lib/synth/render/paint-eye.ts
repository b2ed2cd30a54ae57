import { fromSrgb, mix, scale, smoothstep, type Colour } from './colour';
import type { FaceIdentity } from './identity';
import { valueNoise } from './noise';
import { cover, shade, type Surface } from './surface';
import type { FaceVariation } from './variation';

const SCLERA = fromSrgb(206, 198, 190);
const LASH = fromSrgb(26, 18, 16);
const EYE_SHADOW = fromSrgb(70, 48, 74);

/** Paints eyes, lids and brows; coordinates are those of the face (see `FaceIdentity`). */
export class EyePaint {
  private readonly upper: number;
  private readonly lower: number;
  private readonly brow: Colour;
  private readonly browY: number;
  private readonly pupil: number;

  constructor(
    private readonly identity: FaceIdentity,
    private readonly variation: FaceVariation,
  ) {
    const { eye, hair, skin } = identity;
    const { expression, look } = variation;
    const open = Math.max(0.04, expression.eyes + 0.08 * expression.browRaise);
    this.upper = eye.height * open;
    this.lower = eye.height * 0.58 * Math.min(1, 0.3 + 0.7 * open) - Math.max(0, expression.smile) * 0.7;
    this.brow = mix(scale(hair.colour, 0.6 * (1 + look.hairTone)), scale(skin.colour, 0.3), 0.25);
    this.browY = -identity.brow.height - expression.browRaise * 1.3;
    this.pupil = eye.irisRadius * 0.42;
  }

  /** Paints what of the eye region lies at (x, y) over the skin. */
  apply(x: number, y: number, surface: Surface): void {
    if (y < -22 || y > 12) return;
    const side = x < 0 ? -1 : 1;
    this.eye(side, x * side - this.identity.eye.spacing, y, surface);
    this.eyebrow(side, x * side, y, surface);
  }

  private eye(side: number, ex: number, y: number, surface: Surface): void {
    const { eye, asymmetry } = this.identity;
    const { look, expression, light } = this.variation;
    const half = eye.halfWidth;
    const along = ex / half;
    if (along < -1.6 || along > 1.7) return;
    const ey = y - (eye.tilt + asymmetry.eye * side) * ex;
    const arc = 1 - along * along;
    const bend = arc > 0 ? Math.sqrt(arc) * (1 - 0.12 * along) : 0;
    const lidTop = -this.upper * bend;
    const lidBottom = this.lower * (arc > 0 ? Math.pow(arc, 0.8) : 0);

    if (ey < lidTop - 9 || ey > lidBottom + 9) return;
    const outer = 1 - smoothstep(1, 1.6, Math.abs(along));
    const bag = (eye.bags * 0.22 + look.age * 0.14) * Math.exp(-((ey - lidBottom - 4) ** 2) / 5) * outer;
    shade(surface, 1 - bag);
    if (ey < lidTop) {
      const above = lidTop - ey;
      cover(surface, EYE_SHADOW, look.eyeShadow * Math.exp(-(above * above) / 18) * outer);
      const fold = 1.5 + eye.crease * 1.9;
      shade(surface, 1 - (0.25 + 0.4 * eye.crease) * Math.exp(-((above - fold) ** 2) / 0.5) * outer);
      shade(surface, 1 - 0.16 * outer * Math.exp(-above / 3.5));
      if (above > 2.2) return;
    } else if (ey > lidBottom + 2.2) return;
    if (arc <= 0) {
      if (along > 1 && along < 1.25)
        cover(surface, LASH, 0.5 * Math.exp(-((ey + 0.4 + (along - 1) * 3) ** 2) / 0.3));
      return;
    }
    if (ey > lidTop && ey < lidBottom) {
      const shadow = smoothstep(0, 2.6, ey - lidTop);
      const round = 0.66 + 0.34 * arc;
      cover(surface, scale(SCLERA, round * (0.5 + 0.5 * shadow)), 1);
      if (along < -0.8) cover(surface, fromSrgb(196, 110, 104), (-along - 0.8) * 3);
      surface.gloss = 0.1;
      surface.soft = 0.3;
      const ix = ex - side * expression.gazeX * 1.6;
      const iy = ey + 0.35 - expression.gazeY * 0.8;
      const radius = Math.sqrt(ix * ix + iy * iy);
      const edge = eye.irisRadius;
      if (radius < edge + 0.4) {
        const inner = smoothstep(this.pupil, edge, radius);
        const rays = 0.75 + 0.5 * valueNoise(Math.atan2(iy, ix) * 5 + 40, 7);
        const tone = scale(eye.iris, (1.25 - 0.75 * inner * inner) * rays * (0.6 + 0.4 * shadow));
        cover(surface, tone, 1 - smoothstep(edge - 0.3, edge + 0.4, radius));
        cover(surface, [0.006, 0.005, 0.005], 1 - smoothstep(this.pupil - 0.3, this.pupil + 0.3, radius));
      }
      const gx = ex * side - light.direction[0] * 2 - expression.gazeX * 1.6;
      const gy = ey - light.direction[1] * 2;
      surface.glint = 0.9 * Math.exp(-(gx * gx + gy * gy) / 0.5) * shadow;
    }
    const lash = 0.62 + 0.25 * along;
    cover(surface, LASH, 0.92 * Math.exp(-(((ey - lidTop + 0.1) / lash) ** 2)));
    cover(surface, LASH, 0.35 * Math.exp(-(((ey - lidBottom) / 0.45) ** 2)));
  }

  private eyebrow(side: number, x: number, y: number, surface: Surface): void {
    const { brow, eye, asymmetry } = this.identity;
    const end = eye.spacing + eye.halfWidth + 4.5;
    const t = (x - brow.gap) / (end - brow.gap);
    if (t < -0.12 || t > 1.05) return;
    const middle =
      this.browY -
      brow.arch * Math.sin(Math.min(1, Math.max(0, t) * 0.78) * Math.PI) * 1.25 +
      (brow.tilt + 0.02) * (x - eye.spacing) +
      asymmetry.brow * side +
      (t > 0.62 ? (t - 0.62) * 6 : 0);
    const thick =
      brow.thickness * (t < 0.25 ? 0.8 + 0.8 * Math.max(0, t) : 1 - Math.pow((t - 0.25) / 0.8, 2) * 0.75);
    const off = (y - middle) / Math.max(0.3, thick);
    if (off > 2 || off < -2) return;
    const strands = 0.62 + 0.55 * valueNoise(x * 1.7 + y * 0.9 + 90, y * 0.5 - x * 0.3 + side * 30);
    const ends = smoothstep(-0.1, 0.12, t) * (1 - smoothstep(0.9, 1.05, t));
    const alpha = brow.density * strands * ends * Math.exp(-Math.pow(Math.abs(off), 3));
    cover(surface, this.brow, alpha);
    surface.gloss *= 1 - alpha;
  }
}
