import type { GroupList } from '../../data/protocols/group-list';
import type { PairList } from '../../data/protocols/pair-list';
import { KappaError } from '../../errors';
import type { GroupedPairs } from './evaluate';
import { scorePairList } from '../lfw';
import type { NamedFeatures } from '../named-features';
import type { Sides } from '../uncertainty/influence';

/** A verification set of one group: RFW's `African.bin`, for instance. */
export interface GroupSet {
  name: string;
  /** [P] squared distances. */
  distances: Float64Array;
  isSame: ArrayLike<boolean | number>;
  /** Whose the images are, where that is known. */
  sides?: Sides;
}

/** The pairs of sets that are of one group each. @throws KappaError `ERR_ARGUMENT` for two sets of one name */
export function pairsOfSets(sets: readonly GroupSet[]): GroupedPairs {
  const groups = sets.map(({ name }) => name);
  const twice = groups.find((name, i) => groups.indexOf(name) !== i);
  if (twice !== undefined)
    throw new KappaError(
      'ERR_ARGUMENT',
      `Two sets are called ${twice}: name them by --data NAME=FILE, or give each once.`,
    );
  const distances = Float64Array.from(sets.flatMap((set) => [...set.distances]));
  const group = Int32Array.from(sets.flatMap((set, g) => Array.from(set.distances, () => g)));
  // People of different sets are different people.
  let before = 0;
  const sides = sets.map(({ distances: own, sides: known }) => {
    const first = new Int32Array(own.length).fill(-1);
    const second = first.slice();
    if (known) {
      for (let i = 0; i < own.length; i++) {
        first[i] = before + known.first[i]!;
        second[i] = before + known.second[i]!;
      }
      before += known.units;
    }
    return { first, second };
  });
  return {
    groups,
    distances,
    isSame: Uint8Array.from(sets.flatMap((set) => Array.from(set.isSame, Number))),
    first: Int32Array.from(sides.flatMap(({ first }) => [...first])),
    second: Int32Array.from(sides.flatMap(({ second }) => [...second])),
    firstGroup: group,
    secondGroup: group,
  };
}

/**
 * The pairs of a list whose images belong to groups.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND` counting the images without a group, or without features
 */
export function pairsOfList(features: NamedFeatures, list: PairList, groupList: GroupList): GroupedPairs {
  const { pairs } = list;
  const images = new Set(pairs.flatMap(({ a, b }) => [a, b]));
  const lost = [...images].filter((image) => groupList.groupOf(image) === undefined);
  if (lost.length > 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${lost.length} of ${images.size} images of the pairs belong to no group; the first is ${lost[0]}. The list of groups names images, or the folders of people, as the pairs do.`,
    );
  const groups = [...new Set([...images].map((image) => groupList.groupOf(image)!))].sort();
  const number = (image: string): number => groups.indexOf(groupList.groupOf(image)!);
  return {
    ...scorePairList(features, list),
    groups,
    firstGroup: Int32Array.from(pairs, ({ a }) => number(a)),
    secondGroup: Int32Array.from(pairs, ({ b }) => number(b)),
  };
}
