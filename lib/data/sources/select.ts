import path from 'node:path';
import { KappaError, argumentError } from '../../errors';
import type { ResolvedSource } from './options';
import type { OpenedSource } from './source';
import { range } from '../number-arrays';
import { pathAt } from '../sample-table';
import { readSkipList, recordKeys } from '../lists/skip-list';

const NAMED = 3;

/** The part of a source that a dataset uses. */
export interface Selection {
  /** The kept classes by the source's own labels, in their new order; null for all of them. */
  classes: Int32Array | null;
  /** 1 for each sample that is kept. */
  kept: Uint8Array;
  /** Number of samples that are kept. */
  length: number;
}

/**
 * Chooses samples of a source by identity, number and list.
 * @throws KappaError ERR_ARGUMENT, ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_IO
 */
export async function selectSamples(
  opened: OpenedSource,
  source: ResolvedSource,
  onMessage?: (text: string) => void,
): Promise<Selection> {
  const { imagesPerIdentity = Infinity } = source;
  const { labels, numClasses } = opened;
  const classes = keptClasses(source.identities, opened);
  const isKept = new Uint8Array(numClasses).fill(classes ? 0 : 1);
  classes?.forEach((label) => (isKept[label] = 1));
  const skipped = source.skipList === undefined ? undefined : await skippedSamples(opened, source.skipList);
  const taken = new Uint32Array(numClasses);
  const kept = new Uint8Array(labels.length);
  let length = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (isKept[label] === 0 || taken[label]! >= imagesPerIdentity || skipped?.isSkipped(i)) continue;
    taken[label]!++;
    kept[i] = 1;
    length++;
  }
  if (length === 0 && skipped && skipped.found > 0)
    throw new KappaError(
      'ERR_ARGUMENT',
      `${source.skipList} leaves no image of ${opened.name}: it names ${skipped.found} of ${labels.length}. Take another list, or no list.`,
    );
  if (length === 0) throw argumentError('identities', 'classes that have images', source.identities);
  if (skipped) onMessage?.(skipMessage(skipped, source.skipList!, taken, isKept));
  return { classes, kept, length };
}

function keptClasses(identities: ResolvedSource['identities'], opened: OpenedSource): Int32Array | null {
  if (identities === undefined) return null;
  const { numClasses, names, name } = opened;
  const isLabel = (label: unknown): label is number =>
    Number.isInteger(label) && (label as number) >= 0 && (label as number) < numClasses;
  const wrong = argumentError(
    'identities',
    `a number from 1 to ${numClasses}, or a list of distinct classes below ${numClasses} or of distinct names`,
    identities,
  );
  if (typeof identities === 'number') {
    if (!isLabel(identities - 1)) throw wrong;
    return Int32Array.from(range(identities));
  }
  const list: readonly (string | number)[] = identities;
  const labels = list.some((item) => typeof item === 'string') ? labelsOf(list, names, name) : list;
  if (labels.length === 0 || !labels.every(isLabel) || new Set(labels).size !== labels.length) throw wrong;
  return Int32Array.from(labels);
}

/** The labels of identities that are given by name. */
function labelsOf(
  list: readonly (string | number)[],
  names: readonly string[] | undefined,
  where: string,
): (number | undefined)[] {
  if (names === undefined)
    throw new KappaError(
      'ERR_ARGUMENT',
      `Identities were chosen by name, but ${where} has no names: choose them by label, or put a file classes.json beside it.`,
    );
  const labels = new Map(names.map((name, label) => [name, label]));
  const unknown = list.find((name) => !labels.has(String(name)));
  if (unknown !== undefined)
    throw new KappaError('ERR_ARGUMENT', `There is no identity ${JSON.stringify(unknown)} in ${where}.`);
  return list.map((name) => labels.get(String(name)));
}

interface SkippedSamples {
  isSkipped: (sample: number) => boolean;
  /** Samples that the list names. */
  found: number;
  /** Entries that name no sample. */
  unknown: readonly string[];
  entries: number;
}

async function skippedSamples(opened: OpenedSource, file: string): Promise<SkippedSamples> {
  const entries = await readSkipList(file);
  const { store, keys, offsets } = opened;
  const isRecords = store.kind === 'records';
  if (isRecords) recordKeys(entries, file);
  // What names the samples here, and the entry that says so.
  const wanted = new Map<string | number, string>();
  for (const entry of entries) wanted.set(isRecords ? Number(entry) : plainPath(entry, store.root), entry);
  const skip = new Uint8Array(keys.length);
  const used = new Set<string>();
  let found = 0;
  if (wanted.size > 0)
    for (let i = 0; i < keys.length; i++) {
      const entry = wanted.get(isRecords ? keys[i]! : plainPath(pathAt(store, offsets[i]!), store.root));
      if (entry === undefined) continue;
      skip[i] = 1;
      found++;
      used.add(entry);
    }
  const unknown = [...wanted.values()].filter((entry) => !used.has(entry));
  return { isSkipped: (sample) => skip[sample] === 1, found, unknown, entries: wanted.size };
}

/** A path as lists have it, whoever wrote it: relative to the root, `/` between its parts. */
function plainPath(file: string, root: string): string {
  if (path.isAbsolute(file)) return path.relative(root, file);
  return path.posix.normalize(file.trim().replaceAll('\\', '/'));
}

function skipMessage(
  { found, unknown, entries }: SkippedSamples,
  file: string,
  taken: Uint32Array,
  isKept: Uint8Array,
): string {
  const emptied = taken.reduce((sum, count, label) => sum + (count === 0 && isKept[label] === 1 ? 1 : 0), 0);
  const shown = unknown.slice(0, NAMED).map((entry) => JSON.stringify(entry.slice(0, 80)));
  const which =
    unknown.length === entries
      ? 'None of its entries names'
      : `${unknown.length} of its ${entries} entries name no`;
  return [
    `${found} images are left out, as ${file} says.`,
    ...(unknown.length > 0
      ? [
          `${which} ${unknown.length === entries ? 'an image' : 'image'} (${shown.join(', ')}${unknown.length > NAMED ? ', ...' : ''}): is it the list of this set?`,
        ]
      : []),
    ...(emptied > 0 ? [`${emptied} classes have no image left; they stay classes.`] : []),
  ].join(' ');
}
