import type { SynthOptions } from './options';
import { SynthRandom } from './random';

/** One person of the set: what the renderer needs to draw all images. */
export interface SynthPerson {
  /** Number that the person's looks are drawn from; training and verification people never share one. */
  person: number;
  /** How far the person's images differ from one another, 0 to 1. */
  difficulty: number;
  images: number;
}

/** One verification pair: person and image of either side. */
export interface SynthPair {
  a: { person: number; image: number };
  b: { person: number; image: number };
  isSame: boolean;
}

/** Who is in a set, how many images each has, and which images are compared. */
export interface SynthPlan {
  train: SynthPerson[];
  /** Persons of `pairs` are indices into this list. */
  verification: SynthPerson[];
  pairs: SynthPair[];
}

const FIRST_VERIFICATION_PERSON = 1 << 24;
const GOLDEN_RATIO = 0.6180339887498949;

/** Lays out a set. The number of images and the difficulty of a person are independent of each other. */
export function planSynthSet(options: SynthOptions): SynthPlan {
  const random = new SynthRandom(options.seed, 0x91a);
  const counts = longTail(options);
  // Steps of the golden ratio along the ranking by size spread every difficulty over every size.
  const people = counts.map((images, rank) => ({ images, difficulty: (0.5 + rank * GOLDEN_RATIO) % 1 }));
  const train = random.shuffle(people).map((person, index) => ({ person: index, ...person }));

  const verification = Array.from({ length: options.verificationIdentities }, (_, index) => ({
    person: FIRST_VERIFICATION_PERSON + index,
    difficulty: ((0.5 + index * GOLDEN_RATIO) % 1) * options.verificationDifficulty,
    images: 0,
  }));
  return { train, verification, pairs: planPairs(options.pairs, verification, random) };
}

/** Image counts, most first: `maxImages` falling off as a power of the rank, then the singletons. */
function longTail({ identities, maxImages, singletons }: SynthOptions): number[] {
  const single = Math.round(identities * singletons);
  const others = identities - single;
  return Array.from({ length: identities }, (_, rank) => {
    if (rank >= others) return 1;
    const falling = maxImages * Math.pow(1 - (0.9 * rank) / Math.max(1, others), 1.1);
    return Math.max(Math.min(2, maxImages), Math.round(falling));
  });
}

/** Balanced pairs in ten contiguous folds; every side of every pair is an image of its own. */
function planPairs(count: number, people: SynthPerson[], random: SynthRandom): SynthPair[] {
  const perFold = count / 10;
  const take = (person: number) => ({ person, image: people[person]!.images++ });
  const pairs: SynthPair[] = [];
  for (let fold = 0; fold < 10; fold++) {
    for (let index = 0; index < perFold; index++) {
      const isSame = index < perFold / 2;
      const first = isSame ? (fold * (perFold / 2) + index) % people.length : random.below(people.length);
      const second = isSame ? first : (first + 1 + random.below(people.length - 1)) % people.length;
      pairs.push({ a: take(first), b: take(second), isSame });
    }
  }
  return pairs;
}
