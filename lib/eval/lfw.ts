import path from 'node:path';

import type { PairList } from '../data/protocols/pair-list';
import { KappaError } from '../errors';
import { findFiles } from '../prepare/find-files';
import type { NamedFile } from './embedding/open-faces';
import type { Fold } from './metrics/folds';
import { accuracyAt, bestThreshold, verifyPairs, type PairVerification } from './metrics/pair-verification';
import { areaUnderCurve, equalErrorRate, rocCurve } from './metrics/roc';
import { PersonNumbers, squaredDistance, unitRows, type ScoredPairs } from './metrics/scored-pairs';
import type { NamedFeatures } from './named-features';

/** Result of LFW's protocol, or of a list like it. */
export interface LfwResult {
  /** Of a list with folds (`pairs.txt`). */
  readonly folds?: PairVerification;
  /** Of a list without: accuracy at one threshold, and where it was chosen. */
  readonly single?: {
    readonly accuracy: number;
    readonly threshold: number;
    readonly chosenOn: 'training pairs' | 'the same pairs';
    /** Pairs that the threshold was chosen on. */
    readonly chosenPairs: number;
  };
  readonly auc: number;
  readonly eer: number;
  readonly scored: ScoredPairs;
  /** The people that `scored` numbers. */
  readonly people: readonly string[];
  /** [P] the images of each pair. */
  readonly names: readonly (readonly [string, string])[];
  readonly counts: {
    readonly images: number;
    readonly people: number;
    readonly pairs: number;
    readonly genuine: number;
  };
  /** The rules that were followed, in words. */
  readonly protocol: string;
}

const THRESHOLDS = 'L2 normalised, squared distance < threshold, thresholds 0 to 3.99 by 0.01';

/**
 * Evaluates features by LFW's protocol: the folds that the list gives (`pairs.txt`), each at the threshold that is best on
 * the others; of a list without folds (`pairsDevTest.txt`) at the one threshold that is best on the training pairs
 * (`pairsDevTrain.txt`).
 *
 * @param train the list to choose the threshold on, for a list without folds
 * @throws KappaError `ERR_DATA_NOT_FOUND` counting the images without features, `ERR_ARGUMENT`, `ERR_NOT_FINITE`
 */
export function evaluateLfw(features: NamedFeatures, list: PairList, train?: PairList): LfwResult {
  const { folds: count = 1 } = list;
  if (train && count > 1)
    throw new KappaError(
      'ERR_ARGUMENT',
      `The list has ${count} folds: thresholds come from those, not from other pairs. Leave the training pairs (--train-pairs) out.`,
    );
  const people = new PersonNumbers();
  const used = new Set<number>();
  const scored = scorePairList(features, list, people, used);
  const roc = rocCurve(scored.distances, scored.isSame);
  const { length: pairs } = list.pairs;
  const common = {
    auc: areaUnderCurve(roc),
    eer: equalErrorRate(roc),
    scored,
    people: people.names,
    names: list.pairs.map(({ a, b }) => [a, b] as const),
    counts: {
      images: used.size,
      people: people.names.length,
      pairs,
      genuine: list.pairs.filter(({ isSame }) => isSame).length,
    },
  };
  if (count > 1) {
    const size = pairs / count;
    const folds = Array.from({ length: count }, (_, i): Fold => ({ start: i * size, end: (i + 1) * size }));
    const protocol = `LFW: the ${count} folds of the list; ${THRESHOLDS}, the first best on the other folds`;
    return { ...common, folds: verifyPairs(scored, folds), protocol };
  }
  const chosen = train ? scorePairList(features, train) : scored;
  const { threshold } = bestThreshold(chosen);
  const chosenOn = train ? 'training pairs' : 'the same pairs';
  return {
    ...common,
    single: {
      accuracy: accuracyAt(scored, threshold),
      threshold,
      chosenOn,
      chosenPairs: chosen.distances.length,
    },
    protocol: `LFW, one list: ${THRESHOLDS}, the first best on ${train ? 'the training pairs' : 'these pairs themselves, which flatters'}`,
  };
}

/**
 * The pairs of a list with their distances.
 *
 * @param used is told the rows that are needed
 * @throws KappaError `ERR_DATA_NOT_FOUND` counting the images without features, `ERR_NOT_FINITE`
 */
export function scorePairList(
  features: NamedFeatures,
  { pairs }: PairList,
  people = new PersonNumbers(),
  used = new Set<number>(),
): ScoredPairs {
  const missing = new Set<string>();
  const rows = pairs.flatMap(({ a, b }) =>
    [a, b].map((image) => {
      const row = features.rowOf(image);
      if (row === undefined) missing.add(image);
      else used.add(row);
      return row ?? 0;
    }),
  );
  if (missing.size > 0) {
    const [first] = missing;
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `There are no features of ${missing.size} images of the pairs; the first is ${first}. The index must name images as the pairs do.`,
    );
  }
  const { data, columns, names } = features;
  const units = unitRows(data, columns, (row) => names[row]!);
  const personOf = (image: string): number => {
    const folder = path.posix.dirname(image);
    return folder === '.' ? -1 : people.of(folder);
  };
  return {
    distances: Float64Array.from(pairs, (_, i) =>
      squaredDistance(units, columns, rows[2 * i]!, rows[2 * i + 1]!),
    ),
    isSame: Uint8Array.from(pairs, ({ isSame }) => Number(isSame)),
    first: Int32Array.from(pairs, ({ a }) => personOf(a)),
    second: Int32Array.from(pairs, ({ b }) => personOf(b)),
  };
}

/**
 * The files of the images of lists of pairs, each once. They may have another ending than the list says.
 *
 * @param root the folder that their paths are relative to
 * @throws KappaError `ERR_DATA_NOT_FOUND` counting those that are missing
 */
export async function pairFiles(root: string, lists: readonly PairList[]): Promise<NamedFile[]> {
  const names = [...new Set(lists.flatMap(({ pairs }) => pairs.flatMap(({ a, b }) => [a, b])))];
  const { paths, missing } = await findFiles(names, root);
  if (missing.size > 0) {
    const [first] = missing;
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${missing.size} of ${names.length} images of the pairs are not in ${root}; the first is ${first}. --root is the folder that has a folder for each person.`,
    );
  }
  return names.map((name) => ({ name, file: paths.get(name)! }));
}
