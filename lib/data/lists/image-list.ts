import path from 'node:path';
import { KappaError } from '../../errors';
import { IMAGE_ENDINGS } from '../../image/format';
import { readFaceList } from './face-list';
import { folderEntries, imagesBelow } from './image-files';
import type { Point } from '../../image/similarity';

/** An image file that has an identity. */
export interface ListedImage {
  /** As the list has it: relative to the root with `/` between the parts, or absolute. */
  path: string;
  /** 0 to the number of classes - 1. */
  label: number;
  /** False where the list says that the face is not aligned yet. @default true */
  aligned?: boolean;
  /** Five points, where the list has them. */
  points?: Point[];
}

/** Image files with their identities. */
export interface ImageList {
  images: ListedImage[];
  /** The name of each class. */
  names: string[];
}

/**
 * Lists the images of a folder `root/identity/...`; folders below an identity are searched as well. Identities are the
 * classes, sorted by name; images are sorted by path. Hidden files are passed over; what
 * else is no image that is read is counted and told.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT (links in a circle), ERR_IO
 */
export async function listImageFolder(
  root: string,
  options: {
    signal?: AbortSignal;
    onProgress?: (images: number) => void;
    onMessage?: (text: string) => void;
  } = {},
): Promise<ImageList> {
  const images: ListedImage[] = [];
  const names: string[] = [];
  const entries = await folderEntries(root);
  const { passed } = entries;
  for (const stray of entries.images)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${path.join(root, stray)} belongs to no identity: put the images of each person into a folder of their own, like ${path.join(root, 'name', stray)}.`,
    );
  for (const identity of entries.folders) {
    if (options.signal?.aborted) throw new KappaError('ERR_CANCELLED', `Listing ${root} was interrupted.`);
    const files = await imagesBelow(root, identity, passed);
    if (files.length === 0) {
      passed.identity(identity);
      continue;
    }
    for (const file of files) images.push({ path: file, label: names.length });
    names.push(identity);
    options.onProgress?.(images.length);
  }
  const lines = passed.lines(root);
  if (images.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      [
        `${root} holds no images that are read. Expected a folder for each identity with images in it (${IMAGE_ENDINGS.join(', ')}).`,
        ...lines,
      ].join('\n'),
    );
  lines.forEach((line) => options.onMessage?.(line));
  return { images, names };
}

// Labels travel as float32, which holds whole numbers up to 2^24 exactly.
const MAX_LABELS = 2 ** 24;

interface RawEntry extends ListedImage {
  line: number;
}

/**
 * Reads a `.lst` file of either form (see {@link readFaceList}).
 *
 * Labels 0 to C - 1 without a gap are kept; others are an error unless asked for otherwise. A class is called as the
 * folder of its images where that is unambiguous, otherwise by its label in the list.
 * @param options.labels what becomes of labels with gaps: they are an error ('check'), are numbered anew ('renumber'), or
 * stay as they are, and classes have no names ('keep'). @default 'check'
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT with the line's number, ERR_LABEL_RANGE, ERR_IO
 */
export async function readImageList(
  file: string,
  options: { labels?: 'check' | 'renumber' | 'keep' } = {},
): Promise<ImageList> {
  const entries: RawEntry[] = [];
  await readFaceList(file, ({ path: image, label, aligned, points }, line) => {
    if (label >= MAX_LABELS)
      throw new KappaError(
        'ERR_LABEL_RANGE',
        `${file}, line ${line}: its label is ${label}; labels run from 0 to ${MAX_LABELS - 1}.`,
      );
    const known = { ...(aligned !== undefined && { aligned }), ...(points && { points: [...points] }) };
    entries.push({ path: image, label, ...known, line });
  });
  if (entries.length === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} lists no images.`);
  if (options.labels === 'keep') return { images: entries.map(({ line: _, ...image }) => image), names: [] };
  return numberClasses(file, entries, options.labels === 'renumber');
}

function numberClasses(file: string, entries: RawEntry[], relabel: boolean): ImageList {
  const labels = [...new Set(entries.map(({ label }) => label))].sort((a, b) => a - b);
  const hole = labels.findIndex((label, i) => label !== i);
  if (hole !== -1 && !relabel) {
    const { line } = entries.find(({ label }) => label === labels[hole])!;
    throw new KappaError(
      'ERR_LABEL_RANGE',
      `${file}: the labels have a gap: none is ${hole}, but ${labels[hole]} occurs (first in line ${line}).` +
        `${hole === 0 && labels[0] === 1 ? ' Perhaps they count from 1.' : ''} Labels must be 0 to the number of classes - 1; number them anew (--relabel) or correct the list.`,
    );
  }
  const classOf = new Map(labels.map((label, c) => [label, c]));
  const images = entries.map(({ line: _, ...image }) => ({ ...image, label: classOf.get(image.label)! }));
  return { images, names: classNames(images, labels) };
}

function classNames(images: readonly ListedImage[], labels: readonly number[]): string[] {
  const folders = new Array<string | undefined>(labels.length);
  const numbers = labels.map(String);
  for (const { path: file, label } of images) {
    const folder = path.posix.basename(path.posix.dirname(file.replaceAll('\\', '/')));
    if (folder === '' || folder === '.' || (folders[label] ?? folder) !== folder) return numbers;
    folders[label] = folder;
  }
  const names = folders as string[];
  return new Set(names).size === names.length ? names : numbers;
}
