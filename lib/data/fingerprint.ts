import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as yieldToEvents } from 'node:timers/promises';

import type { FaceDataset } from './face-dataset';
import { endOfSource, pathAt, type FileStore, type SampleTable, type TableSource } from './sample-table';

/** What a dataset holds, wherever it lies: how one is told from another. */
export interface Fingerprint {
  version: 1;
  samples: number;
  classes: number;
  /** Height and width of the images in pixels. */
  imageSize: [number, number];
  sources: {
    /** Where it was, for people. */
    name: string;
    weight: number;
    samples: number;
    /** SHA-256 of keys (of files: relative paths), labels and sizes. */
    digest: string;
  }[];
  /** Images of each class. */
  samplesPerClass: number[];
}

const CHUNK = 1 << 20;
/** So many files of a folder are asked for their size: all of them would take minutes on a network disk. */
const SIZED_FILES = 256;

/** Reads the fingerprint of a dataset. No image is read. */
export async function fingerprintOf({
  table,
  samplesPerClass,
  sources,
}: Pick<FaceDataset, 'table' | 'samplesPerClass' | 'sources'>): Promise<Fingerprint> {
  const digests: string[] = [];
  for (const [s, source] of table.sources.entries()) digests.push(await digestOf(table, source, s));
  return {
    version: 1,
    samples: table.labels.length,
    classes: table.numClasses,
    imageSize: [...table.imageSize],
    sources: sources.map(({ name, weight, start, end }, s) => ({
      name: path.resolve(name),
      weight,
      samples: end - start,
      digest: digests[s] ?? '',
    })),
    samplesPerClass: Array.from(samplesPerClass),
  };
}

async function digestOf(table: SampleTable, { store, start }: TableSource, s: number): Promise<string> {
  const end = endOfSource(table, s);
  const hash = createHash('sha256');
  await update(hash, table.labels.subarray(start, end));
  if (store.kind === 'records') {
    await update(hash, table.keys.subarray(start, end));
    // Where a record lies says how large those before it are.
    await update(hash, table.offsets.subarray(start, end));
    hash.update(String(store.size));
  } else await updateFiles(hash, store, table.offsets.subarray(start, end));
  return hash.digest('hex');
}

/** In pieces: large sets must not hold up everything else, and a hash does not take shared memory. */
async function update(hash: Hash, values: Int32Array | Uint32Array | Float64Array): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let from = 0; from < bytes.length; from += CHUNK) {
    hash.update(Buffer.from(bytes.subarray(from, from + CHUNK)));
    await yieldToEvents();
  }
}

async function updateFiles(hash: Hash, store: FileStore, offsets: Float64Array): Promise<void> {
  const names = Array.from(offsets, (offset) => pathAt(store, offset));
  const prefix = commonFolder(names);
  for (let from = 0; from < names.length; from += 4096) {
    const some = names.slice(from, from + 4096).map((name) => name.slice(prefix.length));
    hash.update(`${some.join('\0')}\0`);
    await yieldToEvents();
  }
  const step = Math.max(1, Math.ceil(names.length / SIZED_FILES));
  const sized = names.filter((_, i) => i % step === 0);
  const sizes = await Promise.all(
    sized.map((name) =>
      stat(path.resolve(store.root, name)).then(
        ({ size }) => size,
        () => -1,
      ),
    ),
  );
  hash.update(sizes.join());
}

/** The folder that all absolute paths have in common; empty for relative ones: theirs is the root already. */
function commonFolder(names: readonly string[]): string {
  let prefix = names[0] ?? '';
  if (!path.isAbsolute(prefix)) return '';
  prefix = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  for (const name of names)
    while (!name.startsWith(prefix)) prefix = prefix.slice(0, prefix.lastIndexOf('/', prefix.length - 2) + 1);
  return prefix;
}

const SHOWN_CLASSES = 5;

/**
 * What differs between two datasets, a sentence each; empty where they hold the same.
 *
 * @param names the identity's name of each class, where there are names
 */
export function fingerprintChanges(
  was: Fingerprint,
  is: Fingerprint,
  names: readonly (string | null)[] = [],
): string[] {
  const changes: string[] = [];
  const number = (what: string, before: number, now: number): void => {
    if (before === now) return;
    const difference = `${Math.abs(now - before)} ${now > before ? 'more' : 'fewer'} ${what}`;
    changes.push(`${difference}: ${before} then, ${now} now`);
  };
  number('images', was.samples, is.samples);
  number('classes', was.classes, is.classes);
  if (was.imageSize.join() !== is.imageSize.join())
    changes.push(`the images were ${was.imageSize.join(' x ')} and are ${is.imageSize.join(' x ')} pixels`);
  changes.push(...classChanges(was, is, names));
  number('sources', was.sources.length, is.sources.length);
  for (const [s, source] of is.sources.entries()) {
    const before = was.sources[s];
    if (!before) continue;
    if (before.weight !== source.weight)
      changes.push(`the weight of ${source.name} was ${before.weight} and is ${source.weight}`);
    if (changes.length === 0 && before.digest !== source.digest)
      changes.push(
        `${source.name} has as many images of each class, but other ones: their keys or names, their sizes or their order differ`,
      );
  }
  return changes;
}

function classChanges(was: Fingerprint, is: Fingerprint, names: readonly (string | null)[]): string[] {
  const length = Math.min(was.samplesPerClass.length, is.samplesPerClass.length);
  const changed = Array.from({ length }, (_, label) => label).filter(
    (label) => was.samplesPerClass[label] !== is.samplesPerClass[label],
  );
  const shown = changed.slice(0, SHOWN_CLASSES).map((label) => {
    const name = names[label];
    return `class ${label}${name === null || name === undefined ? '' : ` (${name})`} had ${was.samplesPerClass[label]} images and has ${is.samplesPerClass[label]}`;
  });
  const more = changed.length - shown.length;
  return more > 0 ? [...shown, `so have ${more} more classes other numbers of images`] : shown;
}
