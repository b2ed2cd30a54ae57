import { fromScale, fromSrgb, mix, scale, type Colour } from './colour';
import { SynthRandom } from '../random';

/**
 * Everything about a synthetic person that does not change from image to image. Lengths are in pixels of the
 * aligned 112 x 112 crop, with the origin between the eyes, x to the viewer's right, y down, z to the viewer.
 */
export interface FaceIdentity {
  seed: number;
  head: {
    faceWidth: number;
    foreheadWidth: number;
    jawWidth: number;
    chinWidth: number;
    chinY: number;
    chinForward: number;
    foreheadSlope: number;
    browRidge: number;
    cheekbone: number;
    cheekFullness: number;
    earSize: number;
    earAngle: number;
  };
  eye: {
    spacing: number;
    halfWidth: number;
    height: number;
    tilt: number;
    depth: number;
    crease: number;
    iris: Colour;
    irisRadius: number;
    bags: number;
  };
  brow: { height: number; thickness: number; arch: number; tilt: number; gap: number; density: number };
  nose: {
    length: number;
    width: number;
    tip: number;
    bridge: number;
    bridgeWidth: number;
    hump: number;
    bulb: number;
  };
  mouth: { y: number; halfWidth: number; upper: number; lower: number; bow: number; corners: number };
  skin: { colour: Colour; lip: Colour; ruddiness: number; oiliness: number; spots: Spot[] };
  hair: {
    colour: Colour;
    lineY: number;
    peak: number;
    recession: number;
    part: number;
    fringe: number;
    sideY: number;
    sideAngle: number;
    volume: number;
    curl: number;
  };
  beard: { moustache: number; chin: number; cheek: number };
  /** Share of this person's images with glasses, and their frame. */
  glasses: {
    habit: number;
    halfWidth: number;
    halfHeight: number;
    roundness: number;
    rim: number;
    colour: Colour;
  };
  /** Left-right differences of brows, eyes and mouth. */
  asymmetry: { brow: number; eye: number; mouth: number; nose: number };
}

/** A freckle or mole: position on the face, radius, and how dark it is. */
export interface Spot {
  x: number;
  y: number;
  radius: number;
  darkness: number;
}

const SKIN_SCALE = [
  fromSrgb(247, 214, 196),
  fromSrgb(236, 192, 164),
  fromSrgb(217, 166, 130),
  fromSrgb(184, 129, 92),
  fromSrgb(134, 88, 60),
  fromSrgb(84, 54, 40),
];
const HAIR_COLOURS = [
  fromSrgb(24, 20, 20),
  fromSrgb(44, 32, 26),
  fromSrgb(74, 50, 34),
  fromSrgb(112, 76, 46),
  fromSrgb(172, 130, 78),
  fromSrgb(212, 180, 122),
  fromSrgb(146, 66, 32),
  fromSrgb(150, 146, 144),
];
const IRIS_COLOURS = [
  fromSrgb(52, 32, 20),
  fromSrgb(94, 60, 32),
  fromSrgb(122, 104, 58),
  fromSrgb(84, 118, 84),
  fromSrgb(86, 128, 164),
  fromSrgb(128, 146, 158),
];

/**
 * Draws a person. The draw depends on nothing but the seed.
 *
 * @param seed Seed of the set.
 * @param person Number of the person within the set.
 */
export function drawIdentity(seed: number, person: number): FaceIdentity {
  const random = new SynthRandom(seed, 0x1d, person);
  // One shared factor from soft to rugged features, as bone, brows, lips and beard go together in people.
  const rugged = random.uniform(-1, 1);
  const bearded = rugged > 0 && random.chance(0.55);
  const tone = Math.pow(random.next(), 1.2);
  const skin = mix(fromScale(SKIN_SCALE, tone), fromSrgb(206, 140, 110), random.uniform(0, 0.25));
  const hairIndex =
    tone > 0.62 ? random.below(3) : tone > 0.4 ? random.below(5) : random.below(HAIR_COLOURS.length);
  const hair = scale(HAIR_COLOURS[hairIndex] as Colour, random.uniform(0.75, 1.3));
  const irisIndex = tone > 0.5 ? random.below(2) : random.below(IRIS_COLOURS.length);
  const long = random.chance(rugged > 0 ? 0.12 : 0.7);
  const fringe = random.chance(rugged > 0 ? 0.2 : 0.4);
  const bald = rugged > 0.1 && random.chance(0.16);
  const n = (mean: number, deviation: number) => random.normal(mean, deviation);

  return {
    seed: new SynthRandom(seed, 0x5eed, person).below(0x7fffffff),
    head: {
      faceWidth: n(41.5, 2.2),
      foreheadWidth: n(37.5, 2),
      jawWidth: n(32.5 + rugged * 1.6, 2.6),
      chinWidth: n(18.5 + rugged * 2, 2.8),
      chinY: n(65 + rugged, 3),
      chinForward: n(0, 2.2),
      foreheadSlope: n(rugged * 1.5, 2.5),
      browRidge: n(1.6 + rugged * 1.2, 1),
      cheekbone: n(2.4, 1.3),
      cheekFullness: n(0.4, 2),
      earSize: n(13, 1.6),
      earAngle: n(0.35, 0.2),
    },
    eye: {
      spacing: n(17.6, 1.5),
      halfWidth: n(8.3, 0.8),
      height: n(4 - rugged * 0.25, 0.75),
      tilt: n(-0.06, 0.075),
      depth: n(5.2 + rugged * 0.6, 1.4),
      crease: random.next(),
      iris: mix(
        IRIS_COLOURS[irisIndex] as Colour,
        IRIS_COLOURS[random.below(2)] as Colour,
        random.uniform(0, 0.35),
      ),
      irisRadius: n(3.55, 0.2),
      bags: random.next(),
    },
    brow: {
      height: n(10.2 - rugged, 1.5),
      thickness: n(1.9 + rugged * 0.5, 0.5),
      arch: n(1.9 - rugged * 0.8, 1.2),
      tilt: n(0, 0.09),
      gap: n(8.2, 1.5),
      density: random.uniform(0.5, 1),
    },
    nose: {
      length: n(20.3, 1.9),
      width: n(7.6 + rugged * 0.3, 1.2),
      tip: n(12.5 + rugged * 0.8, 1.9),
      bridge: n(4.2 + rugged * 0.6, 1.5),
      bridgeWidth: n(3.7, 0.6),
      hump: n(0.3, 0.9),
      bulb: n(3.4, 0.7),
    },
    mouth: {
      y: n(40.3, 1.7),
      halfWidth: n(13.8, 1.5),
      upper: n(2.9 - rugged * 0.4, 0.8),
      lower: n(4.3 - rugged * 0.4, 0.9),
      bow: random.next(),
      corners: n(0, 0.9),
    },
    skin: {
      colour: skin,
      lip: mix(scale(skin, 0.66), fromSrgb(166, 54, 58), random.uniform(0.3, 0.7)),
      ruddiness: random.next(),
      oiliness: random.uniform(0.3, 1),
      spots: drawSpots(random, tone),
    },
    hair: {
      colour: hair,
      lineY: bald ? n(-56, 4) : n(-37, 4),
      peak: n(0, 2.6),
      recession: Math.max(0, n(rugged > 0 ? 4 : 0, 4)),
      part: random.uniform(-1, 1),
      fringe: fringe && !bald ? random.uniform(9, 21) : 0,
      sideY: long && !bald ? 130 : n(rugged > 0 ? 6 : 0, 5),
      sideAngle: long ? n(1.08, 0.1) : n(1.2, 0.07),
      volume: bald ? 0.6 : long ? random.uniform(3, 8) : random.uniform(1.5, 6),
      curl: random.next(),
    },
    beard: {
      moustache: bearded ? random.pick([0, 0.5, 0.8, 0.95]) : 0,
      chin: bearded ? random.pick([0.15, 0.5, 0.85, 0.95]) : 0,
      cheek: bearded ? random.pick([0, 0.15, 0.5, 0.9]) : 0,
    },
    glasses: {
      habit: random.pick([0, 0, 0, 0, 0.06, 0.06, 0.5, 0.9]),
      halfWidth: n(13.2, 1),
      halfHeight: n(8.6, 1.5),
      roundness: random.next(),
      rim: random.uniform(0.6, 1.5),
      colour: random.pick([
        fromSrgb(20, 18, 18),
        fromSrgb(70, 44, 26),
        fromSrgb(110, 110, 116),
        fromSrgb(96, 24, 28),
      ]),
    },
    asymmetry: { brow: n(0, 0.7), eye: n(0, 0.05), mouth: n(0, 0.6), nose: n(0, 0.5) },
  };
}

function drawSpots(random: SynthRandom, tone: number): Spot[] {
  const spots: Spot[] = [];
  const freckled = tone < 0.4 && random.chance(0.25);
  for (let count = freckled ? 40 + random.below(60) : 0; count > 0; count--) {
    spots.push({
      x: random.normal(0, 15),
      y: random.normal(14, 9),
      radius: random.uniform(0.5, 1),
      darkness: random.uniform(0.15, 0.4),
    });
  }
  for (let count = random.below(4); count > 0; count--) {
    spots.push({
      x: random.uniform(-32, 32),
      y: random.uniform(-30, 55),
      radius: random.uniform(0.8, 1.6),
      darkness: random.uniform(0.5, 0.8),
    });
  }
  return spots;
}
