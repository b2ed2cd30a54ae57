import { KappaError } from '../../errors';
import { bestThreshold, verifyPairs, type PairVerification } from '../metrics/pair-verification';
import type { ScoredPairs } from '../metrics/scored-pairs';
import { FOLD_COUNT } from '../metrics/ten-fold';

/** Pairs of images of people who belong to groups. */
export interface GroupedPairs extends ScoredPairs {
  /** Names of the groups. */
  readonly groups: readonly string[];
  /** [P] group of the first image of a pair, and of the second. */
  readonly firstGroup: Int32Array;
  readonly secondGroup: Int32Array;
}

/** Errors at a threshold; a rate is undefined where there is no pair to see it by. */
export interface ErrorRates {
  /** False match rate: the share of impostor pairs below the threshold. */
  readonly fmr: number | undefined;
  /** False non-match rate: the share of genuine pairs that are not. */
  readonly fnmr: number | undefined;
  readonly impostor: number;
  readonly genuine: number;
}

/** What all groups come to at one threshold. */
export interface CommonThreshold {
  /** `fmr=1e-3`, `fmr=1e-4`, `best accuracy`: what it is chosen by, of all pairs. */
  readonly chosenBy: string;
  /** Squared distance; pairs below it count as one person's. */
  readonly threshold: number;
  /** Whether all pairs are too few to see that FMR: then no impostor pair at all is below the threshold. */
  readonly isUnseen: boolean;
  readonly overall: ErrorRates;
  /** In the order of the groups. */
  readonly groups: readonly ErrorRates[];
  /** Greatest over least of the groups; undefined where the least is 0 or unknown. */
  readonly fmrRatio: number | undefined;
  readonly fnmrRatio: number | undefined;
  /** FMR between two groups, where there are pairs of both. */
  readonly between: readonly {
    readonly first: number;
    readonly second: number;
    readonly fmr: number;
    readonly impostor: number;
  }[];
}

/** What {@link evaluateGroups} found. */
export interface GroupsResult {
  readonly groups: readonly {
    readonly name: string;
    /** Pairs with both images in the group. */
    readonly pairs: number;
    readonly genuine: number;
    /** Ten folds over its own pairs; undefined where they are too few, or of one kind. */
    readonly verification: PairVerification | undefined;
  }[];
  readonly thresholds: readonly CommonThreshold[];
  readonly pairs: GroupedPairs;
  readonly protocol: string;
}

const FMRS = [1e-3, 1e-4] as const;

/**
 * Compares groups of people: each by itself (ten folds over its own pairs), and all at one common threshold, at which the
 * pairs of all groups together have a wanted FMR, or the best accuracy.
 *
 * @throws KappaError `ERR_ARGUMENT` for fewer than two groups, or without pairs of both kinds
 */
export function evaluateGroups(pairs: GroupedPairs): GroupsResult {
  const { groups, distances, isSame, firstGroup, secondGroup } = pairs;
  if (groups.length < 2)
    throw new KappaError('ERR_ARGUMENT', `Expected at least two groups but received ${groups.length}.`);
  const impostors = distances.filter((_, i) => isSame[i] === 0).sort();
  if (impostors.length === 0 || impostors.length === distances.length)
    throw new KappaError(
      'ERR_ARGUMENT',
      `Expected pairs of one person and of two but received ${distances.length - impostors.length} and ${impostors.length}.`,
    );
  const within = (group: number): number[] =>
    Array.from(distances.keys()).filter((i) => firstGroup[i] === group && secondGroup[i] === group);
  const chosen = [
    ...FMRS.map((fmr) => {
      // So many impostor pairs may be accepted.
      const allowed = Math.floor(fmr * impostors.length + 1e-9);
      return {
        chosenBy: `fmr=${fmr.toExponential()}`,
        threshold: impostors[allowed]!,
        isUnseen: allowed === 0,
      };
    }),
    { chosenBy: 'best accuracy', threshold: bestThreshold(pairs).threshold, isUnseen: false },
  ];
  return {
    groups: groups.map((name, g) => {
      const own = within(g);
      const part = {
        distances: Float64Array.from(own, (i) => distances[i]!),
        isSame: Uint8Array.from(own, (i) => isSame[i]!),
      };
      const genuine = part.isSame.reduce((sum, answer) => sum + answer, 0);
      const canBe = own.length >= FOLD_COUNT && genuine > 0 && genuine < own.length;
      return { name, pairs: own.length, genuine, verification: canBe ? verifyPairs(part) : undefined };
    }),
    thresholds: chosen.map((one) => atThreshold(pairs, one)),
    pairs,
    protocol:
      'each group: ten contiguous folds of its own pairs, thresholds 0 to 3.99 by 0.01, the first best on nine folds; all at one threshold of the pairs of all groups together, squared distance < threshold',
  };
}

function atThreshold(
  { groups, distances, isSame, firstGroup, secondGroup }: GroupedPairs,
  chosen: Pick<CommonThreshold, 'chosenBy' | 'threshold' | 'isUnseen'>,
): CommonThreshold {
  const rates = (has: (i: number) => boolean): ErrorRates => {
    const [counts, below] = [
      [0, 0],
      [0, 0],
    ] as [[number, number], [number, number]];
    for (let i = 0; i < distances.length; i++) {
      if (!has(i)) continue;
      const kind = isSame[i] as 0 | 1;
      counts[kind]++;
      if (distances[i]! < chosen.threshold) below[kind]++;
    }
    const [impostor, genuine] = counts;
    return {
      fmr: impostor === 0 ? undefined : below[0] / impostor,
      fnmr: genuine === 0 ? undefined : 1 - below[1] / genuine,
      impostor,
      genuine,
    };
  };
  const own = groups.map((_, g) => rates((i) => firstGroup[i] === g && secondGroup[i] === g));
  const between = groups.flatMap((_, a) =>
    groups.slice(a + 1).flatMap((__, k) => {
      const b = a + 1 + k;
      const { fmr, impostor } = rates(
        (i) => (firstGroup[i] === a && secondGroup[i] === b) || (firstGroup[i] === b && secondGroup[i] === a),
      );
      return fmr === undefined ? [] : [{ first: a, second: b, fmr, impostor }];
    }),
  );
  return {
    ...chosen,
    overall: rates(() => true),
    groups: own,
    fmrRatio: ratio(own.map(({ fmr }) => fmr)),
    fnmrRatio: ratio(own.map(({ fnmr }) => fnmr)),
    between,
  };
}

function ratio(rates: readonly (number | undefined)[]): number | undefined {
  const known = rates.filter((rate) => rate !== undefined);
  const least = Math.min(...known);
  return known.length < 2 || least === 0 ? undefined : Math.max(...known) / least;
}
