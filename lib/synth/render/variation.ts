import { fromSrgb, mix, type Colour } from './colour';
import type { FaceIdentity } from './identity';
import { hashSeed, type SynthRandom } from '../random';

/** Everything about one photograph that says nothing about who is on it. Angles are in radians. */
export interface FaceVariation {
  seed: number;
  pose: { yaw: number; pitch: number; roll: number };
  /** Misalignment of the crop: radians, a factor, and pixels. */
  crop: { turn: number; zoom: number; x: number; y: number };
  expression: {
    smile: number;
    open: number;
    eyes: number;
    browRaise: number;
    gazeX: number;
    gazeY: number;
  };
  light: {
    /** Towards the key light, from the face. */
    direction: Colour;
    key: Colour;
    ambient: Colour;
    fill: number;
    shadow: number;
  };
  look: {
    age: number;
    weight: number;
    lipstick: number;
    lipColour: Colour;
    eyeShadow: number;
    tan: number;
    hairTone: number;
    hairLift: number;
    stubble: number;
    glasses: boolean;
  };
  occlusion: {
    kind: 'none' | 'mask' | 'sunglasses' | 'hand' | 'object' | 'strand';
    seed: number;
    colour: Colour;
  };
  background: { kind: number; colours: [Colour, Colour, Colour] };
  camera: {
    exposure: number;
    contrast: number;
    saturation: number;
    balance: Colour;
    blur: number;
    motion: number;
    motionAngle: number;
    shrink: number;
    noise: number;
    quality: number;
  };
}

/**
 * Draws the circumstances of one photograph.
 *
 * @param random Stream of this image alone.
 * @param identity Who is on it: habits such as glasses differ between people.
 * @param spread How far the circumstances may go, 0 (a passport photograph) to 1 (anything goes).
 */
export function drawVariation(random: SynthRandom, identity: FaceIdentity, spread: number): FaceVariation {
  const n = (deviation: number) => random.normal(0, deviation);
  const side = random.uniform(-1, 1) * (0.95 + 0.45 * spread);
  const up = random.uniform(-0.25, 1) * (0.6 + 0.3 * spread);
  const direction = normalised([Math.sin(side), -Math.sin(up), Math.cos(side) * Math.cos(up)]);
  const warmth = n(0.12 + 0.06 * spread);
  const colour = () => fromSrgb(random.uniform(10, 245), random.uniform(10, 245), random.uniform(10, 245));
  const wall = () => {
    const paint = colour();
    const grey = (paint[0] + paint[1] + paint[2]) / 3;
    return mix(paint, [grey, grey, grey], random.uniform(0.3, 1));
  };
  const hardness = random.next();
  const key = random.uniform(0.75, 1.25) * (0.5 + 0.6 * hardness);
  const ambient = random.uniform(0.75, 1.25) * (0.5 - 0.32 * hardness);
  const occlusionKinds = ['mask', 'sunglasses', 'hand', 'object', 'strand'] as const;
  const occluded = random.chance(0.03 + 0.3 * spread);
  const kind = random.pick(occlusionKinds);
  const tint = random.uniform(-0.1, 0.1) * (0.4 + spread);

  return {
    seed: hashSeed(identity.seed, random.below(0x7fffffff)),
    pose: { yaw: n(0.14 + 0.38 * spread), pitch: n(0.07 + 0.16 * spread), roll: n(0.03 + 0.07 * spread) },
    crop: {
      turn: n(0.02 + 0.05 * spread),
      zoom: 1 + n(0.025 + 0.04 * spread),
      x: n(1.3 + 1.5 * spread),
      y: n(1.3 + 1.5 * spread),
    },
    expression: {
      smile: random.chance(0.45) ? random.uniform(0.2, 0.5 + 0.5 * spread) : n(0.18),
      open: random.chance(0.12 + 0.3 * spread) ? random.uniform(0.1, 0.3 + 0.7 * spread) : 0,
      eyes: random.chance(0.02 + 0.08 * spread) ? random.uniform(0, 0.4) : 1 + n(0.12),
      browRaise: n(0.35 + 0.5 * spread),
      gazeX: n(0.4 + 0.4 * spread),
      gazeY: n(0.25 + 0.25 * spread),
    },
    light: {
      direction,
      key: [key * (1 + warmth), key, key * (1 - warmth)],
      ambient: [ambient * (1 + tint - warmth / 2), ambient, ambient * (1 - tint + warmth / 2)],
      fill: random.uniform(0, 0.35) * (1 - hardness * 0.7),
      shadow: 0.45 + 0.55 * hardness,
    },
    look: {
      age: Math.max(0, n(0.25 + 0.6 * spread)),
      weight: n(0.3 + 1 * spread),
      lipstick: random.chance(0.08 + 0.25 * spread) ? random.uniform(0.2, 0.85) : 0,
      lipColour: random.pick([fromSrgb(150, 24, 40), fromSrgb(190, 70, 84), fromSrgb(110, 36, 60)]),
      eyeShadow: random.chance(0.06 + 0.2 * spread) ? random.uniform(0.1, 0.6) : 0,
      tan: n(0.05 + 0.1 * spread),
      hairTone: n(0.08 + 0.16 * spread),
      hairLift: n(0.8 + 2 * spread),
      stubble: random.uniform(0, 0.15 + 0.3 * spread),
      glasses: random.chance(identity.glasses.habit),
    },
    occlusion: {
      kind: occluded ? kind : 'none',
      seed: random.below(0x7fffffff),
      colour: kind === 'mask' ? mix(colour(), fromSrgb(225, 232, 236), 0.6) : colour(),
    },
    background: { kind: random.below(4), colours: [wall(), wall(), wall()] },
    camera: {
      exposure: Math.pow(2, n(0.38 + 0.2 * spread)),
      contrast: 1 + n(0.06 + 0.1 * spread),
      saturation: random.chance(0.02 + 0.1 * spread) ? 0 : 1 + n(0.1 + 0.15 * spread),
      balance: [1 + n(0.04 + 0.05 * spread), 1, 1 + n(0.05 + 0.06 * spread)],
      blur: Math.abs(n(0.25 + 0.8 * spread)),
      motion: random.chance(0.03 + 0.15 * spread) ? random.uniform(1, 2 + 4 * spread) : 0,
      motionAngle: random.uniform(0, Math.PI),
      shrink: random.chance(0.25 * spread) ? random.uniform(1.3, 2.6) : 1,
      noise: Math.abs(n(1 + 7 * spread)),
      quality: Math.round(Math.max(22, 95 - Math.abs(n(8 + 34 * spread)))),
    },
  };
}

function normalised(vector: [number, number, number]): Colour {
  const length = Math.hypot(...vector);
  return [vector[0] / length, vector[1] / length, vector[2] / length];
}
