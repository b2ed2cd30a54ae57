import { KappaError, argumentError } from '../errors';
import { Xoshiro128 } from '../random';

const DEFAULT_PAIRS = 6000;

/** A pair of images, as their numbers. */
export interface ImagePair {
  a: number;
  b: number;
  isSame: boolean;
}

export interface DrawnPairs {
  /** Fold by fold; in each first the pairs of one person, then those of two. */
  pairs: ImagePair[];
  /** Whether no person occurs in two folds. */
  foldsDisjoint: boolean;
}

/**
 * Draws verification pairs by LFW's protocol: in each fold as many pairs of one person as of two; a person is drawn
 * first, then images of it, so that people with many images do not rule the set. No pair occurs twice. Each person
 * belongs to one fold; where the people are too few for that, every fold draws from all.
 * @param people the images of each person
 * @param options.pairs a multiple of twice the folds. @default 6000, or as many as the people give with separate folds
 * @throws KappaError ERR_ARGUMENT where the people do not give so many pairs
 */
export function drawPairs(
  people: readonly (readonly number[])[],
  options: { pairs?: number; folds?: number; seed: number },
): DrawnPairs {
  const { folds = 10, seed } = options;
  if (!Number.isInteger(folds) || folds < 1) throw argumentError('folds', 'a whole number above 0', folds);
  const random = Xoshiro128.fromSeed(seed, 0x9a125);
  const groups = dealIntoFolds(people, folds);
  const capacity = (group: readonly (readonly number[])[]) =>
    Math.min(sameCapacity(group), differentCapacity(group));
  const separate = Math.min(...groups.map(capacity));
  const pairs =
    options.pairs ?? 2 * folds * Math.max(1, Math.min(Math.floor(DEFAULT_PAIRS / 2 / folds), separate));
  if (!Number.isInteger(pairs) || pairs < 1 || pairs % (2 * folds) !== 0)
    throw argumentError(
      'pairs',
      `a multiple of ${2 * folds} (${folds} folds, half of each of one person)`,
      pairs,
    );
  const perKind = pairs / 2 / folds;
  const foldsDisjoint = perKind <= separate;
  if (!foldsDisjoint && capacity(people) < pairs / 2)
    throw new KappaError(
      'ERR_ARGUMENT',
      `The ${people.length} people who are held out give at most ${2 * capacity(people)} pairs, not ${pairs}${options.pairs === undefined ? ` (two in each of ${folds} folds)` : ''}: hold out more people (--identities), or ask for fewer ${options.pairs === undefined ? 'folds (--folds)' : 'pairs (--pairs)'}.`,
    );
  const shared = foldsDisjoint ? undefined : new PairUrn(people, random);
  const drawn = groups.flatMap((group) => {
    const urn = shared ?? new PairUrn(group, random);
    const same = Array.from({ length: perKind }, () => urn.drawSame());
    return [...same, ...Array.from({ length: perKind }, () => urn.drawDifferent())];
  });
  return { pairs: drawn, foldsDisjoint };
}

/** Deals people to folds, the largest first and to and fro, so that all folds are much alike. */
function dealIntoFolds(people: readonly (readonly number[])[], folds: number): (readonly number[])[][] {
  const groups = Array.from({ length: folds }, (): (readonly number[])[] => []);
  // Sorting is stable: people with as many images stay in their order.
  [...people]
    .sort((x, y) => y.length - x.length)
    .forEach((images, i) => {
      const [round, place] = [Math.floor(i / folds), i % folds];
      groups[round % 2 === 0 ? place : folds - 1 - place]!.push(images);
    });
  return groups;
}

function pairsOf(images: number): number {
  return (images * (images - 1)) / 2;
}

function sameCapacity(people: readonly (readonly number[])[]): number {
  return people.reduce((sum, images) => sum + pairsOf(images.length), 0);
}

function differentCapacity(people: readonly (readonly number[])[]): number {
  const total = people.reduce((sum, images) => sum + images.length, 0);
  return pairsOf(total) - sameCapacity(people);
}

/** Draws pairs of some people, none of them twice. */
class PairUrn {
  readonly #people: readonly (readonly number[])[];
  readonly #random: Xoshiro128;
  /** People who still have a pair of images that was not drawn. */
  readonly #withPairs: number[];
  readonly #same = new Map<number, Urn>();
  readonly #different = new Map<number, Urn>();

  constructor(people: readonly (readonly number[])[], random: Xoshiro128) {
    this.#people = people;
    this.#random = random;
    this.#withPairs = people.flatMap((images, i) => (images.length >= 2 ? [i] : []));
  }

  drawSame(): ImagePair {
    const at = this.#random.below(this.#withPairs.length);
    const person = this.#withPairs[at]!;
    const images = this.#people[person]!;
    const urn = entry(this.#same, person, () => new Urn(pairsOf(images.length), this.#random));
    const [low, high] = unrankPair(urn.draw());
    if (urn.left === 0) this.#withPairs.splice(at, 1);
    return { a: images[low]!, b: images[high]!, isSame: true };
  }

  drawDifferent(): ImagePair {
    const count = this.#people.length;
    for (;;) {
      const first = this.#random.below(count);
      const second = (first + 1 + this.#random.below(count - 1)) % count;
      const [p, q] = [Math.min(first, second), Math.max(first, second)];
      const [left, right] = [this.#people[p]!, this.#people[q]!];
      const urn = entry(
        this.#different,
        p * count + q,
        () => new Urn(left.length * right.length, this.#random),
      );
      // All pairs of these two are drawn; the caller has made sure that others have some left.
      if (urn.left === 0) continue;
      const drawn = urn.draw();
      return { a: left[Math.floor(drawn / right.length)]!, b: right[drawn % right.length]!, isSame: false };
    }
  }
}

/** Draws the numbers below a bound, each once: a shuffle of which only the drawn part exists. */
class Urn {
  left: number;
  readonly #random: Xoshiro128;
  readonly #moved = new Map<number, number>();

  constructor(count: number, random: Xoshiro128) {
    this.left = count;
    this.#random = random;
  }

  draw(): number {
    const at = this.#random.below(this.left--);
    const value = this.#moved.get(at) ?? at;
    this.#moved.set(at, this.#moved.get(this.left) ?? this.left);
    return value;
  }
}

/** The pair [low, high] with number `rank` in the order (0,1), (0,2), (1,2), (0,3), ... */
function unrankPair(rank: number): [number, number] {
  let high = Math.floor((1 + Math.sqrt(1 + 8 * rank)) / 2);
  // The square root may have been rounded across a whole number.
  while (pairsOf(high) > rank) high--;
  while (pairsOf(high + 1) <= rank) high++;
  return [rank - pairsOf(high), high];
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
