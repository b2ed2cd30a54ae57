import { fromSrgb, mix, scale, smoothstep, type Colour } from './colour';
import type { FaceIdentity } from './identity';
import { valueNoise } from './noise';
import { cover, shade, type Surface } from './surface';
import type { FaceVariation } from './variation';

const TEETH = fromSrgb(226, 218, 202);
const INSIDE = fromSrgb(58, 18, 18);
const LINE = fromSrgb(62, 22, 22);

/** Paints lips, teeth and the inside of the mouth. */
export class MouthPaint {
  private readonly lip: Colour;
  private readonly half: number;
  private readonly gap: number;

  constructor(
    private readonly identity: FaceIdentity,
    private readonly variation: FaceVariation,
  ) {
    const { look, expression } = variation;
    this.lip = mix(scale(identity.skin.lip, 1 + look.tan), look.lipColour, look.lipstick);
    this.half = identity.mouth.halfWidth * (1 + expression.smile * 0.18 - expression.open * 0.1);
    // A broad smile shows teeth.
    this.gap = expression.open * 8.5 + Math.max(0, expression.smile - 0.45) * 4.5;
  }

  /** Paints what of the mouth lies at (x, y) over the skin. */
  apply(x: number, y: number, surface: Surface): void {
    const { mouth, asymmetry } = this.identity;
    const { smile } = this.variation.expression;
    const t = x / this.half;
    if (t < -1.25 || t > 1.25 || y < mouth.y - 12 || y > mouth.y + 20) return;
    const t2 = t * t;
    const line =
      mouth.y +
      0.5 -
      (smile * 3.2 + mouth.corners) * (t2 - 0.25) +
      asymmetry.mouth * t * 0.7 -
      0.55 * Math.cos(t * 9) * (1 - t2);
    const arc = 1 - t2;
    if (arc <= 0) {
      shade(surface, 1 - 0.25 * Math.exp(-((Math.abs(t) - 1) ** 2) / 0.008 - (y - line) ** 2 / 2));
      return;
    }
    const gap = this.gap * Math.pow(arc, 0.7);
    const top = line - gap * 0.25;
    const bottom = line + gap * 0.75;
    const thin = 1 - 0.25 * Math.max(0, smile);
    const bow =
      1 -
      (0.15 + 0.3 * mouth.bow) * Math.exp(-t2 / 0.022) +
      0.14 * Math.exp(-((Math.abs(t) - 0.28) ** 2) / 0.02);
    const lipTop = top - mouth.upper * thin * Math.pow(arc, 0.75) * bow;
    const lipBottom = bottom + mouth.lower * thin * Math.pow(arc, 0.6);
    const soft = 0.55;
    const inLips =
      smoothstep(lipTop - soft, lipTop + soft, y) * (1 - smoothstep(lipBottom - soft, lipBottom + soft, y));
    if (inLips > 0) {
      const folds = 0.9 + 0.2 * valueNoise(x * 1.6 + 300, y * 0.2);
      const tone = (y < line ? 0.84 : 1.04) * folds;
      cover(surface, scale(this.lip, tone), 0.88 * inLips * smoothstep(0, 0.12, arc));
      surface.gloss += inLips * (0.12 + 0.4 * this.variation.look.lipstick);
    }
    if (y > top && y < bottom) {
      const depth = smoothstep(0, 2, Math.min(y - top, bottom - y));
      cover(surface, INSIDE, 1);
      if (y < top + 4.6) {
        const tooth = 0.82 + 0.18 * Math.abs(Math.cos(x * 0.85));
        cover(
          surface,
          scale(TEETH, tooth * (0.75 - 0.45 * t2)),
          depth * 0.92 * (1 - smoothstep(0.6, 0.95, Math.abs(t))),
        );
      }
      surface.soft = 0.2;
    }
    cover(surface, LINE, (gap > 0.6 ? 0.3 : 0.75) * Math.exp(-((y - top) ** 2) / 0.35));
  }
}
