import path from 'node:path';

import { KappaError } from '../../errors';
import { Xoshiro128, shuffle } from '../../random';
import { readPathList } from './megaface-lists';

/** The probes of MegaFace's Challenge 1, the FaceScrub photos: Q of them. */
export interface MegafaceProbes {
  /** [Q] paths below the folder of photos, or of features. */
  readonly names: readonly string[];
  /** [Q] index of each one's person among `persons`. */
  readonly people: Int32Array;
  readonly persons: readonly string[];
}

/** Distractors, and which of them belong to the set of each size: N of them, S sizes. */
export interface MegafaceDistractors {
  /** [N] paths below the folder of photos, or of features. */
  readonly names: readonly string[];
  /** [S] ascending: how many distractors each set has. */
  readonly sizes: readonly number[];
  /** [N] bit s where the distractor is in the set of size s. */
  readonly sets: Uint8Array;
  /** All of them in an order whose beginning, of any set, is drawn by chance. */
  readonly order: Uint32Array;
  /** Where the sets come from, in words. */
  readonly origin: string;
  /** Number of the sets, in the names of files: 1 to 3. */
  readonly set: number;
}

/** Sizes that the devkit takes by default. */
const MEGAFACE_SIZES = [10, 100, 1_000, 10_000, 100_000, 1_000_000] as const;

/** Sets of a byte. */
const MOST_SIZES = 8;

/**
 * Reads the list of probes: the devkit's `facescrub_features_list.json`, with the arrays `id` and `path`, or a text of one
 * path a line, like insightface's `facescrub_lst`, where the first folder is the person.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_IO`
 */
export async function readMegafaceProbes(
  file: string,
  options: { signal?: AbortSignal } = {},
): Promise<MegafaceProbes> {
  const { paths, ids } = await readPathList(file, options);
  return probesOf(paths, ids ?? paths.map(personOf), file);
}

/** Probes by their paths, whose first folder is the person. @param where names them in errors */
export function megafaceProbes(paths: readonly string[], where: string): MegafaceProbes {
  return probesOf(paths, paths.map(personOf), where);
}

function probesOf(names: readonly string[], ids: readonly string[], where: string): MegafaceProbes {
  mustDiffer(names, where);
  const persons = [...new Set(ids)];
  const place = new Map(persons.map((person, i) => [person, i]));
  if (persons.length === names.length)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${where} has ${names.length} photos of as many people: no two are of one person. The first folder of a path, or the "id" of a JSON list, says whose it is.`,
    );
  return { names, persons, people: Int32Array.from(ids, (id) => place.get(id)!) };
}

function personOf(name: string): string {
  const end = name.indexOf('/');
  return end === -1 ? '' : name.slice(0, end);
}

/**
 * Reads the devkit's lists of distractors, `megaface_features_list.json_SIZE_SET`, each on its own: nobody promises that
 * the larger ones have those of the smaller ones.
 *
 * @param folder the devkit's `templatelists`
 * @param options `sizes`: numbers of distractors; `set`: 1 to 3, 1 by default
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_ARGUMENT`, `ERR_IO`, `ERR_CANCELLED`
 */
export async function readMegafaceTemplates(
  folder: string,
  { sizes = MEGAFACE_SIZES, set = 1, signal }: MegafaceSetOptions & { signal?: AbortSignal } = {},
): Promise<MegafaceDistractors> {
  const ascending = checkedSizes(sizes);
  const place = new Map<string, number>();
  const bits: number[] = [];
  for (const [s, size] of ascending.entries()) {
    const file = path.join(folder, `megaface_features_list.json_${size}_${set}`);
    const { paths } = await readPathList(file, { signal });
    mustDiffer(paths, file);
    if (paths.length !== size)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file} has ${paths.length} distractors; by its name it has ${size}.`,
      );
    for (const name of paths) {
      let row = place.get(name);
      if (row === undefined) place.set(name, (row = bits.push(0) - 1));
      bits[row]! |= 1 << s;
    }
  }
  const origin = `the devkit's lists of set ${set}`;
  const order = shuffled(bits.length, 0);
  return { names: [...place.keys()], sizes: ascending, sets: Uint8Array.from(bits), order, origin, set };
}

/** Which of the devkit's sets of distractors. */
export interface MegafaceSetOptions {
  /** Numbers of distractors. */
  sizes?: readonly number[];
  /** Which of the devkit's sets; by itself it only names files. @default 1 */
  set?: number;
}

/**
 * Sets for distractors of which there are no lists: each is the beginning of one shuffled order, so that the larger ones
 * have those of the smaller ones.
 *
 * @param sizes by default those of the devkit that there are enough for, and all
 * @throws KappaError `ERR_ARGUMENT` for more than there are
 */
export function shuffledDistractors(
  names: readonly string[],
  { sizes, set = 1, seed = 0 }: MegafaceSetOptions & { seed?: number } = {},
): MegafaceDistractors {
  mustDiffer(names, 'The distractors');
  const most = Math.min(names.length, MEGAFACE_SIZES.at(-1)!);
  const fitting = MEGAFACE_SIZES.filter((size) => size < most);
  const ascending = checkedSizes(sizes ?? [...fitting, most]);
  if (ascending.at(-1)! > names.length)
    throw new KappaError(
      'ERR_ARGUMENT',
      `There are ${names.length} distractors, but ${ascending.at(-1)} are asked for.`,
    );
  const order = shuffled(names.length, seed);
  const sets = new Uint8Array(names.length);
  for (const [s, size] of ascending.entries())
    for (const row of order.subarray(0, size)) sets[row]! |= 1 << s;
  const origin = `the beginnings of one shuffled order (seed ${seed})`;
  return { names, sizes: ascending, sets, order, origin, set };
}

function shuffled(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  shuffle(order, Xoshiro128.fromSeed(seed));
  return order;
}

function checkedSizes(sizes: readonly number[]): number[] {
  const ascending = [...new Set(sizes)].sort((a, b) => a - b);
  if (ascending.length === 0 || ascending.length > MOST_SIZES)
    throw new KappaError(
      'ERR_ARGUMENT',
      `Expected 1 to ${MOST_SIZES} numbers of distractors but received ${ascending.length}.`,
    );
  const bad = ascending.find((size) => !Number.isSafeInteger(size) || size < 1);
  if (bad !== undefined)
    throw new KappaError('ERR_ARGUMENT', `Expected a number of distractors but received ${bad}.`);
  return ascending;
}

function mustDiffer(names: readonly string[], where: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new KappaError('ERR_DATA_CORRUPT', `${where}: ${name} occurs twice.`);
    seen.add(name);
  }
  if (names.length === 0) throw new KappaError('ERR_DATA_CORRUPT', `${where}: there is none.`);
}
