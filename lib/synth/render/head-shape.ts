import { smoothstep } from './colour';
import { Hairline } from './hair';
import type { FaceIdentity } from './identity';
import type { FaceVariation } from './variation';

/** Fields of one bump: centre x and y, inverse of twice the variance along each, height. */
const BUMP_FIELDS = 5;

/**
 * The surface of a head: every height `y` is a cross-section, run through by the angle `lambda` (0 in front,
 * positive to the viewer's right), on which bumps stand for brow ridge, eye sockets, nose, lips and chin.
 */
export class HeadShape {
  readonly topY = -70;
  readonly bottomY: number;
  private readonly bumps: Float64Array;
  private readonly widths: (y: number) => number;
  private readonly profile: (y: number) => number;
  private readonly hairline: Hairline;
  private readonly row = { y: NaN, width: 0, front: 0, centre: 0, jaw: 0, bumps: [] as number[] };

  constructor(
    private readonly identity: FaceIdentity,
    private readonly variation: FaceVariation,
  ) {
    const { head } = identity;
    this.bottomY = head.chinY + 3;
    const weight = variation.look.weight;
    this.widths = curve([
      [-70, 2],
      [-64, head.foreheadWidth * 0.52],
      [-50, head.foreheadWidth * 0.87],
      [-30, head.foreheadWidth],
      [-8, (head.foreheadWidth + head.faceWidth) / 2],
      [10, head.faceWidth + weight * 0.3],
      [42, head.jawWidth + weight * 1.2],
      [head.chinY - 7, head.chinWidth + 2 + weight * 0.6],
      [head.chinY, head.chinWidth * 0.66],
      [head.chinY + 3, 2],
    ]);
    const slope = head.foreheadSlope;
    this.profile = curve([
      [-70, 6],
      [-60, 26 - slope],
      [-45, 40 - slope],
      [-28, 46.5 - slope * 0.5],
      [-8, 48],
      [15, 47],
      [40, 45.5],
      [head.chinY - 8, 43 + head.chinForward],
      [head.chinY, 36 + head.chinForward],
      [head.chinY + 3, 27 + head.chinForward],
    ]);
    this.bumps = bumpsOf(identity, variation);
    this.hairline = new Hairline(identity, variation);
  }

  /** Width of the head, half, at a height. */
  width(y: number): number {
    return this.widths(y);
  }

  /** x on the face, as the features use it, of an angle at a height: the bumps and paint live in (x, y). */
  faceX(lambda: number, y: number): number {
    return this.widths(y) * Math.sin(lambda);
  }

  /** Finds what all points at a height share; points are mostly asked for row by row. */
  private enterRow(y: number): void {
    const { bumps, row } = this;
    row.y = y;
    row.width = this.widths(y);
    row.front = this.profile(y);
    // Towards the chin the section's centre moves forward, so that the jaw rises to the ear.
    row.centre = 24 * smoothstep(36, this.bottomY, y);
    const { mouth } = this.identity;
    row.jaw = this.variation.expression.open * 7 * smoothstep(mouth.y + 1, mouth.y + 12, y);
    row.bumps.length = 0;
    for (let b = 0; b < bumps.length; b += BUMP_FIELDS) {
      const dy = y - bumps[b + 1]!;
      const distance = dy * dy * bumps[b + 3]!;
      if (distance < 6) row.bumps.push(bumps[b]!, bumps[b + 2]!, bumps[b + 4]! * Math.exp(-distance));
    }
  }

  /** Writes the surface point at an angle and a height to `out[at..at+2]`; returns how hollow it is there. */
  point(lambda: number, y: number, out: Float64Array, at: number): number {
    const { row } = this;
    if (row.y !== y) this.enterRow(y);
    const { width, front, centre } = row;
    const sin = Math.sin(lambda);
    const cos = Math.cos(lambda);
    const x = width * sin;
    const flat = cos > 0 ? Math.pow(cos, 0.74) : cos * 0.9;
    let z = centre + (front - centre) * flat;

    let height = 0;
    let hollow = 0;
    if (cos > 0.15) {
      const { bumps } = row;
      for (let b = 0; b < bumps.length; b += 3) {
        const dx = x - bumps[b]!;
        const distance = dx * dx * bumps[b + 1]!;
        if (distance > 6) continue;
        const lift = bumps[b + 2]! * Math.exp(-distance);
        height += lift;
        if (lift < 0) hollow -= lift;
      }
      height += this.nose(x, y);
      z += height;
    }

    const hair = this.hairLift(lambda, y);
    out[at] = x + sin * hair;
    out[at + 1] = y + row.jaw - (y < -25 ? (hair * (-25 - y)) / 45 : 0);
    out[at + 2] = z + cos * hair;
    return hollow;
  }

  /** Turns an x of the face back into the angle. */
  lambdaOf(x: number, y: number): number {
    return Math.asin(Math.max(-1, Math.min(1, x / this.widths(y))));
  }

  private nose(x: number, y: number): number {
    const { nose, asymmetry } = this.identity;
    if (y < -6 || y > nose.length + 12 || x > 20 || x < -20) return 0;
    const along = Math.max(0, Math.min(1, (y - 1) / (nose.length - 1)));
    const tip = nose.tip;
    const ridge =
      nose.bridge + (tip - nose.bridge) * Math.pow(along, 1.25) + nose.hump * Math.sin(along * Math.PI);
    const width = nose.bridgeWidth + (nose.bulb + 1.2 - nose.bridgeWidth) * along * along;
    const dx = x - asymmetry.nose * along;
    // The underside is round: it reaches lower in the middle than at the wings.
    const under = nose.length + 2.6 - 0.07 * dx * dx;
    const fade = smoothstep(-6, 4, y) * (1 - smoothstep(under - 2.5, under + 2.8, y));
    return fade * ridge * Math.exp(-(dx * dx) / (2 * width * width));
  }

  private hairLift(lambda: number, y: number): number {
    const { hair } = this.identity;
    const inside = smoothstep(-1, 7, this.hairline.at(lambda) - y);
    if (inside === 0) return 0;
    return (
      inside *
      Math.max(0.4, hair.volume + this.variation.look.hairLift) *
      (1 + 0.35 * Math.sin(lambda * 3 + hair.part * 4))
    );
  }
}

function bumpsOf(identity: FaceIdentity, variation: FaceVariation): Float64Array {
  const { head, eye, nose, mouth } = identity;
  const { expression, look } = variation;
  const values: number[] = [];
  const add = (x: number, y: number, sx: number, sy: number, height: number) =>
    values.push(x, y, 1 / (2 * sx * sx), 1 / (2 * sy * sy), height);
  const pair = (x: number, y: number, sx: number, sy: number, height: number) => {
    add(x, y, sx, sy, height);
    add(-x, y, sx, sy, height);
  };
  const smile = expression.smile;
  const gap = expression.open * 5;
  pair(eye.spacing, -0.5, 9.5, 6, -eye.depth);
  pair(eye.spacing, 0, 6, 4.4, 2.6);
  pair(6, 3, 3.2, 7, -2.4);
  pair(15, -10 - expression.browRaise, 12, 4, head.browRidge);
  add(0, -9, 6, 4, head.browRidge * 0.6);
  pair(26, 15, 9, 8, head.cheekbone);
  pair(24, 32, 9, 10, head.cheekFullness + look.weight * 1.1);
  pair(19, 24 - smile * 4, 7, 6, Math.max(0, smile) * 3 - look.age * 0.4);
  pair(15, 31, 2.6, 6, -0.5 - Math.max(0, smile) * 1.5 - look.age * 0.9);
  pair(nose.width, nose.length - 0.8, 2.7, 2.6, 4.4);
  pair(nose.width + 4, nose.length + 1, 2.4, 4, -1.2);
  add(0, nose.length - 1.5, nose.bulb, 3.4, 2);
  const half = mouth.halfWidth * (1 + smile * 0.18);
  const lipY = mouth.y;
  add(0, (nose.length + lipY) / 2 + 1.5, 1.6, 3, -0.8);
  add(0, lipY - mouth.upper * 0.6 - gap * 0.2, half * 0.6, 2.2, 1.3 + mouth.upper * 0.4);
  add(0, lipY + mouth.lower * 0.55 + gap * 0.8, half * 0.55, 2.4, 1.4 + mouth.lower * 0.35);
  add(0, lipY + gap * 0.25, half * 0.75, 0.9 + gap * 0.4, -1.6 - gap * 0.4);
  add(0, lipY + mouth.lower + 4.5 + gap, 10, 3, -2.2);
  add(0, head.chinY - 8, 8, 6, 3.2 + head.chinForward * 0.5);
  pair(half + 2, lipY - smile * 3, 2.4, 3, -0.9 - Math.max(0, smile));
  return Float64Array.from(values);
}

/** A smooth monotone-by-piece curve through points, tabulated for speed. */
function curve(points: readonly (readonly [number, number])[]): (y: number) => number {
  const first = points[0]![0];
  const last = points[points.length - 1]![0];
  const samples = 256;
  const table = new Float64Array(samples + 2);
  for (let s = 0; s <= samples + 1; s++) {
    const y = first + ((last - first) * Math.min(s, samples)) / samples;
    let k = 0;
    while (k < points.length - 2 && y > points[k + 1]![0]) k++;
    const [y0, v0] = points[k]!;
    const [y1, v1] = points[k + 1]!;
    const slope = (i: number) => {
      const a = points[Math.max(0, i - 1)]!;
      const b = points[Math.min(points.length - 1, i + 1)]!;
      return (b[1] - a[1]) / (b[0] - a[0]);
    };
    const step = y1 - y0;
    const t = (y - y0) / step;
    const t2 = t * t;
    const t3 = t2 * t;
    table[s] =
      (2 * t3 - 3 * t2 + 1) * v0 +
      (t3 - 2 * t2 + t) * step * slope(k) +
      (3 * t2 - 2 * t3) * v1 +
      (t3 - t2) * step * slope(k + 1);
  }
  const rate = samples / (last - first);
  return (y) => {
    const at = Math.max(0, Math.min(samples, (y - first) * rate));
    const index = Math.floor(at);
    return table[index]! + (table[index + 1]! - table[index]!) * (at - index);
  };
}
