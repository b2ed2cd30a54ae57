import { fromSrgb, mix, scale, smoothstep, type Colour } from './colour';
import type { FaceIdentity } from './identity';
import { SynthRandom } from '../random';
import type { Picture } from './picture';
import type { FaceVariation } from './variation';

interface Capsule {
  ax: number;
  ay: number;
  bx: number;
  by: number;
  radius: number;
  colour: Colour;
}

/** Draws what is in front of the face and belongs to the picture, not to the head: a hand, a thing, loose hair. */
export function drawOccluder(picture: Picture, identity: FaceIdentity, variation: FaceVariation): void {
  const { occlusion, light } = variation;
  const random = new SynthRandom(occlusion.seed);
  const exposure = (light.key[1] + light.ambient[1]) * 0.75;
  switch (occlusion.kind) {
    case 'hand':
      return drawCapsules(picture, hand(random, scale(identity.skin.colour, exposure)), light.direction);
    case 'strand':
      return drawCapsules(picture, strands(random, scale(identity.hair.colour, exposure)), light.direction);
    case 'object':
      return drawObject(picture, random, scale(occlusion.colour, exposure));
  }
}

function hand(random: SynthRandom, colour: Colour): Capsule[] {
  const fromLeft = random.chance(0.5);
  const mirror = (x: number) => (fromLeft ? x : 112 - x);
  const tip = { x: random.uniform(26, 58), y: random.uniform(62, 108) };
  const angle = random.uniform(-0.2, 0.9);
  const capsules: Capsule[] = [];
  for (let finger = 0; finger < 4; finger++) {
    const reach = [0, 5, 4, -3][finger]! + random.uniform(-2, 2);
    const x = tip.x + Math.cos(angle) * reach - finger * 9 * Math.sin(angle);
    const y = tip.y - Math.sin(angle) * reach + finger * 9 * Math.cos(angle);
    const length = 70;
    capsules.push({
      ax: mirror(x),
      ay: y,
      bx: mirror(x - Math.cos(angle) * length),
      by: y + Math.sin(angle) * length + finger * 2,
      radius: 4.9,
      colour: scale(colour, random.uniform(0.9, 1.1)),
    });
  }
  return capsules;
}

function strands(random: SynthRandom, colour: Colour): Capsule[] {
  const capsules: Capsule[] = [];
  const start = random.uniform(20, 92);
  const drift = random.uniform(-0.6, 0.6);
  for (let count = 12 + random.below(16); count > 0; count--) {
    let x = start + random.normal(0, 9);
    let y = -2;
    let lean = drift + random.normal(0, 0.08);
    const radius = random.uniform(0.35, 0.9);
    const tone = scale(colour, random.uniform(0.6, 1.5));
    for (let segment = 0; segment < 7; segment++) {
      const next = { x: x + lean * 13, y: y + random.uniform(7, 14) };
      capsules.push({ ax: x, ay: y, bx: next.x, by: next.y, radius, colour: tone });
      x = next.x;
      y = next.y;
      lean += random.normal(-drift * 0.15, 0.1);
    }
  }
  return capsules;
}

function drawCapsules(picture: Picture, capsules: readonly Capsule[], light: Colour): void {
  const { size, rate } = picture;
  for (const capsule of capsules) {
    const [ax, ay, bx, by, radius] = [capsule.ax, capsule.ay, capsule.bx, capsule.by, capsule.radius].map(
      (value) => value * rate,
    ) as [number, number, number, number, number];
    const [dx, dy] = [bx - ax, by - ay];
    const length = dx * dx + dy * dy || 1;
    const reach = radius + 1;
    const top = Math.max(0, Math.floor(Math.min(ay, by) - reach));
    const bottom = Math.min(size - 1, Math.ceil(Math.max(ay, by) + reach));
    const left = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
    const right = Math.min(size - 1, Math.ceil(Math.max(ax, bx) + reach));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
        const ox = x - ax - t * dx;
        const oy = y - ay - t * dy;
        const distance = Math.sqrt(ox * ox + oy * oy);
        const alpha = 1 - smoothstep(radius - 0.8, radius + 0.4, distance);
        if (alpha <= 0) continue;
        const nz = Math.sqrt(Math.max(0, 1 - (distance / radius) ** 2));
        const lambert = Math.max(0, (ox * light[0] + oy * light[1]) / radius + nz * light[2]);
        picture.blend(x, y, scale(capsule.colour, 0.3 + 0.8 * lambert), alpha);
      }
    }
  }
}

function drawObject(picture: Picture, random: SynthRandom, colour: Colour): void {
  const { size, rate } = picture;
  const angle = random.uniform(0, 2 * Math.PI);
  const distance = random.uniform(30, 46) * rate;
  const cx = (56 + 8 * random.uniform(-1, 1)) * rate + Math.cos(angle) * distance;
  const cy = 62 * rate + Math.sin(angle) * distance;
  const tilt = random.uniform(-0.6, 0.6);
  const halfWidth = random.uniform(12, 24) * rate;
  const halfHeight = random.uniform(12, 28) * rate;
  const corner = random.uniform(1, 11) * rate;
  const other = mix(colour, fromSrgb(240, 240, 240), random.uniform(0.2, 0.7));
  const bands = random.uniform(0.02, 0.12);
  const [cos, sin] = [Math.cos(tilt), Math.sin(tilt)];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const u = (x - cx) * cos + (y - cy) * sin;
      const v = (y - cy) * cos - (x - cx) * sin;
      const ox = Math.max(0, Math.abs(u) - halfWidth + corner);
      const oy = Math.max(0, Math.abs(v) - halfHeight + corner);
      const edge = Math.sqrt(ox * ox + oy * oy) - corner;
      if (edge > 1) continue;
      const band = Math.sin(v * bands + u * 0.01) > 0.6 ? 1 : 0;
      const tone = 0.75 + 0.3 * (u / halfWidth) * 0.5;
      picture.blend(x, y, scale(mix(colour, other, band), tone), 1 - smoothstep(-1, 1, edge));
    }
  }
}
