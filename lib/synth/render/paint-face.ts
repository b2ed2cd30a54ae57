import { fromSrgb, mix, scale, smoothstep, type Colour } from './colour';
import { Hairline } from './hair';
import type { FaceIdentity } from './identity';
import { valueNoise } from './noise';
import { EyePaint } from './paint-eye';
import { MouthPaint } from './paint-mouth';
import { cover, shade, type Surface } from './surface';
import type { FaceVariation } from './variation';

const BLUSH = fromSrgb(206, 92, 84);
const GREY = fromSrgb(150, 148, 146);

/** Texels of the spot map for each unit of the face, and its extent. */
const SPOT_RATE = 2;
const SPOT_WIDTH = 160;
const SPOT_HEIGHT = 260;

/** Paints skin, hair and beard of a head, and over them eyes and mouth. */
export class FacePaint {
  readonly skin: Colour;
  readonly hair: Colour;
  private readonly eyes: EyePaint;
  private readonly mouth: MouthPaint;
  private readonly spots = new Float32Array(SPOT_WIDTH * SPOT_HEIGHT);
  private readonly offset: number;
  private readonly hairline: Hairline;
  /** The skin around the samples being painted. */
  private readonly base: Surface = { red: 0, green: 0, blue: 0, gloss: 0, soft: 1, glint: 0 };

  constructor(
    private readonly identity: FaceIdentity,
    private readonly variation: FaceVariation,
  ) {
    const { look } = variation;
    this.skin = scale(mix(identity.skin.colour, BLUSH, 0.04), 1 + look.tan);
    this.hair = mix(
      scale(identity.hair.colour, 1 + look.hairTone),
      GREY,
      Math.min(0.4, Math.max(0, look.age - 0.8) * 0.5),
    );
    this.eyes = new EyePaint(identity, variation);
    this.mouth = new MouthPaint(identity, variation);
    this.offset = (identity.seed % 997) * 0.37;
    this.hairline = new Hairline(identity, variation);
    this.drawSpots();
  }

  /** Paints the skin for the samples about to be asked for, which must lie close to one another. */
  prepare(x: number, y: number, lambda: number): void {
    if (y > this.hairline.at(lambda) - 6) this.paintSkin(x, y, lambda, this.base);
  }

  /** Whether the paint changes within a pixel here: near eyes, mouth, nostrils and hairline. */
  isDetailed(x: number, y: number, lambda: number): boolean {
    const side = Math.abs(x);
    if (y > -16 && y < 7 && side < 32) return true;
    if (y > 18 && y < 54 && side < 22) return true;
    const toHair = y - this.hairline.at(lambda);
    return toHair > -6 && toHair < 6;
  }

  /**
   * Finds what lies at a point of the head.
   *
   * @param x Across the face.
   * @param y Down the face.
   * @param lambda Angle around the head.
   */
  at(x: number, y: number, lambda: number, surface: Surface): void {
    surface.glint = 0;
    const strand = valueNoise(lambda * 34 + this.offset, y * 0.09);
    const ragged = (strand - 0.5) * (this.identity.hair.fringe > 0 ? 7 : 3.4);
    const hair = smoothstep(-1.4, 1.4, this.hairline.at(lambda) + ragged - y);
    if (hair < 1) this.features(x, y, surface);
    if (hair > 0) {
      if (hair === 1) this.hairAt(x, y, lambda, surface);
      else {
        cover(surface, this.hair, hair * 0.95);
        surface.soft *= 1 - hair;
      }
    }
  }

  /** Paints hair alone: strands, and for curly hair, locks. */
  hairAt(x: number, y: number, lambda: number, surface: Surface): void {
    const { curl, part } = this.identity.hair;
    const wave = curl * 2.2 * Math.sin(y * (0.25 + curl * 0.4) + lambda * 9 + this.offset);
    const strand = valueNoise((lambda + part * 0.2) * 30 + wave + this.offset, y * 0.12);
    const fine = valueNoise(x * 1.9 + wave + 60, y * 0.45 + lambda * 11);
    const tone = 0.5 + 0.65 * strand + 0.35 * (fine - 0.5);
    surface.red = this.hair[0] * tone;
    surface.green = this.hair[1] * tone;
    surface.blue = this.hair[2] * tone;
    surface.gloss = 0.25 * strand;
    surface.soft = 0;
    surface.glint = 0;
  }

  private features(x: number, y: number, surface: Surface): void {
    surface.red = this.base.red;
    surface.green = this.base.green;
    surface.blue = this.base.blue;
    surface.gloss = this.base.gloss;
    surface.soft = 1;
    this.nostrils(x, y, surface);
    const spot = this.spotAt(x, y);
    if (spot > 0) cover(surface, [this.skin[0] * 0.34, this.skin[1] * 0.22, this.skin[2] * 0.18], spot);
    this.mouth.apply(x, y, surface);
    this.eyes.apply(x, y, surface);
  }

  private paintSkin(x: number, y: number, lambda: number, surface: Surface): void {
    const { skin, nose, eye } = this.identity;
    const { look } = this.variation;
    const mottle =
      0.93 +
      0.1 * valueNoise(x * 0.22 + this.offset, y * 0.22) +
      0.05 * valueNoise(x * 1.1, y * 1.1 + this.offset);
    surface.red = this.skin[0] * mottle;
    surface.green = this.skin[1] * mottle;
    surface.blue = this.skin[2] * mottle;
    surface.gloss = 0.12 * skin.oiliness * (y < -8 ? 1.25 : 1);
    surface.soft = 1;

    const side = Math.abs(x);
    const cheek = Math.exp(-((side - 23) ** 2) / 150 - (y - 20) ** 2 / 130);
    const tip = Math.exp(-(x * x) / 40 - (y - nose.length) ** 2 / 40);
    cover(surface, BLUSH, skin.ruddiness * (0.16 * cheek + 0.13 * tip));
    const socket = Math.exp(-((side - eye.spacing + 3) ** 2) / 60 - (y + 2) ** 2 / 30);
    shade(surface, 1 - 0.14 * socket);
    this.creases(x, side, y, surface);
    if (look.age > 0.3 && y < -14) {
      const line = Math.pow(Math.max(0, Math.cos((y + 20 + 1.5 * Math.sin(x * 0.1)) * 0.95)), 6);
      shade(surface, 1 - 0.16 * (look.age - 0.3) * line * Math.exp(-(x * x) / 500));
    }
    this.beard(x, side, y, lambda, surface);
  }

  private nostrils(x: number, y: number, surface: Surface): void {
    const { nose } = this.identity;
    if (y < nose.length - 6 || y > nose.length + 8) return;
    const dx = (Math.abs(x) - nose.width * 0.5) / 1.9;
    const dy = (y - nose.length - 3.1) / 1.15;
    cover(surface, [0.02, 0.008, 0.006], 0.8 * Math.exp(-(dx * dx + dy * dy)));
    const wing = (Math.abs(x) - nose.width - 2.4) / 1;
    const wy = (y - nose.length - 0.3) / 3.2;
    shade(surface, 1 - 0.22 * Math.exp(-(wing * wing + wy * wy)));
    const under = Math.exp(-(((y - nose.length - 4.6) / 1.5) ** 2) - (x / (nose.width + 1)) ** 2);
    shade(surface, 1 - 0.2 * under);
  }

  /** The fold from the nose to the corner of the mouth. */
  private creases(x: number, side: number, y: number, surface: Surface): void {
    const { nose, mouth } = this.identity;
    const { look, expression } = this.variation;
    const t = (y - nose.length) / (mouth.y + 4 - nose.length);
    if (t < 0 || t > 1.1) return;
    const fold = nose.width + 4 + (mouth.halfWidth - nose.width + 1 + Math.max(0, expression.smile) * 3) * t;
    const strength = 0.06 + 0.16 * look.age + 0.16 * Math.max(0, expression.smile);
    shade(
      surface,
      1 - strength * Math.exp(-((side - fold) ** 2) / 1.6) * Math.sin(Math.min(1, t) * Math.PI * 0.9),
    );
  }

  private beard(x: number, side: number, y: number, lambda: number, surface: Surface): void {
    const { beard, mouth, nose, head } = this.identity;
    const stubble = this.variation.look.stubble;
    if (y < 12 || (beard.chin === 0 && beard.moustache === 0)) return;
    const edge = Math.abs(lambda);
    const lips = Math.hypot(
      x / (mouth.halfWidth + 1.5),
      (y - mouth.y - 0.6) / (mouth.upper + mouth.lower + 1.5),
    );
    const clear = smoothstep(0.75, 1.15, lips);
    const moustache =
      beard.moustache *
      smoothstep(nose.length + 4, nose.length + 8, y) *
      (1 - smoothstep(mouth.y - 1, mouth.y + 4, y)) *
      (1 - smoothstep(mouth.halfWidth * 0.9, mouth.halfWidth + 3, side));
    const goatee =
      beard.chin * smoothstep(mouth.y - 2, mouth.y + 8, y) * (1 - smoothstep(11, 18, side)) +
      beard.chin * smoothstep(head.chinY - 14, head.chinY - 5, y) * 0.5;
    const cheekLine = 17 + 12 * (1 - smoothstep(0.5, 1.15, edge)) + 10 * (1 - smoothstep(0, 0.6, edge));
    const jaw = beard.cheek * smoothstep(cheekLine, cheekLine + 9, y);
    const amount = Math.max(moustache, goatee, jaw);
    if (amount <= 0) return;
    const grain = 0.7 + 0.45 * valueNoise(x * 1.4 + 20, y * 1.1 + lambda * 8);
    const alpha = Math.min(0.95, amount * (0.8 + stubble)) * clear * grain;
    cover(surface, scale(this.hair, 0.6), alpha);
    surface.gloss *= 1 - 0.7 * alpha;
  }

  private drawSpots(): void {
    for (const spot of this.identity.skin.spots) {
      const cx = spot.x * SPOT_RATE + SPOT_WIDTH / 2;
      const cy = spot.y * SPOT_RATE + SPOT_HEIGHT / 2;
      const radius = spot.radius * SPOT_RATE;
      for (
        let y = Math.max(0, Math.floor(cy - 3 * radius));
        y < Math.min(SPOT_HEIGHT, cy + 3 * radius);
        y++
      ) {
        for (
          let x = Math.max(0, Math.floor(cx - 3 * radius));
          x < Math.min(SPOT_WIDTH, cx + 3 * radius);
          x++
        ) {
          const distance = ((x - cx) ** 2 + (y - cy) ** 2) / (radius * radius);
          const at = y * SPOT_WIDTH + x;
          this.spots[at] = Math.min(0.85, this.spots[at]! + spot.darkness * Math.exp(-distance * distance));
        }
      }
    }
  }

  private spotAt(x: number, y: number): number {
    const column = Math.round(x * SPOT_RATE + SPOT_WIDTH / 2);
    const row = Math.round(y * SPOT_RATE + SPOT_HEIGHT / 2);
    if (column < 0 || column >= SPOT_WIDTH || row < 0 || row >= SPOT_HEIGHT) return 0;
    return this.spots[row * SPOT_WIDTH + column]!;
  }
}
