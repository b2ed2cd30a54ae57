import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../errors';
import { readLines } from './lines';
import type { Point } from './similarity';

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

const IMAGE_FILE = /\.(jpe?g|png|webp)$/i;
const MAX_DEPTH = 32;

/** Orders text by its UTF-16 code units: the same on every machine, whatever its language. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Lists the images of a folder `root/identity/...`; folders below an identity are searched as well. Identities are the
 * classes, sorted by name; images are sorted by path. Hidden files and files that are no images are passed over.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT (links in a circle), ERR_IO
 */
export async function listImageFolder(
  root: string,
  options: { signal?: AbortSignal; onProgress?: (images: number) => void } = {},
): Promise<ImageList> {
  const images: ListedImage[] = [];
  const names: string[] = [];
  for (const entry of await entriesOf(root)) {
    if (!(await isFolder(root, entry))) {
      if (IMAGE_FILE.test(entry.name))
        throw new KappaError(
          'ERR_DATA_NOT_FOUND',
          `${path.join(root, entry.name)} belongs to no identity: put the images of each person into a folder of their own, like ${path.join(root, 'name', entry.name)}.`,
        );
      continue;
    }
    if (options.signal?.aborted) throw new KappaError('ERR_CANCELLED', `Listing ${root} was interrupted.`);
    const files = await imagesBelow(root, entry.name, 1);
    if (files.length === 0) continue;
    for (const file of files.sort(byCodeUnits)) images.push({ path: file, label: names.length });
    names.push(entry.name);
    options.onProgress?.(images.length);
  }
  if (images.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${root} holds no images. Expected a folder for each identity with .jpg, .jpeg, .png or .webp files in it.`,
    );
  return { images, names };
}

/** Lists all image files below a folder, sorted, as paths relative to it. @throws KappaError ERR_IO, ERR_DATA_CORRUPT */
export async function listImageFiles(root: string): Promise<string[]> {
  return (await imagesBelow(root, '', 0)).sort(byCodeUnits);
}

async function imagesBelow(root: string, folder: string, depth: number): Promise<string[]> {
  if (depth > MAX_DEPTH)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${path.join(root, folder)} is nested more than ${MAX_DEPTH} deep.`,
    );
  const found: string[] = [];
  const full = path.join(root, folder);
  for (const entry of await entriesOf(full)) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (!(await isFolder(full, entry))) {
      if (IMAGE_FILE.test(entry.name)) found.push(name);
    } else found.push(...(await imagesBelow(root, name, depth + 1)));
  }
  return found;
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter(({ name }) => !name.startsWith('.')).sort((a, b) => byCodeUnits(a.name, b.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', `There is no folder ${folder}.`, { cause: error });
    throw ioError(error, 'list', folder);
  }
}

/** Whether an entry is a folder or a link to one; a link to a folder that it lies in is an error. */
async function isFolder(folder: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const link = path.join(folder, entry.name);
  try {
    if (!(await stat(link)).isDirectory()) return false;
    const [target, here] = await Promise.all([realpath(link), realpath(folder)]);
    if (here !== target && !here.startsWith(target + path.sep)) return true;
    throw new KappaError('ERR_DATA_CORRUPT', `${link} is a link to a folder that it lies in (${target}).`);
  } catch (error) {
    throw ioError(error, 'follow the link', link);
  }
}

interface RawEntry extends ListedImage {
  line: number;
}

/**
 * Reads a `.lst` file. Two forms are taken, told apart by the first line; columns are separated by tabs:
 * im2rec `index label [more labels] path` and face2rec2 `aligned path label [bbox x 4 [x1 ... x5 y1 ... y5]]`.
 *
 * Labels 0 to C - 1 without a gap are kept; others are an error unless asked for otherwise. A class is called as the folder of its images where that is unambiguous, otherwise by its label in the list.
 * @param options.labels what becomes of labels with gaps: they are an error ('check'), are numbered anew ('renumber'), or
 * stay as they are, and classes have no names ('keep'). @default 'check'
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT with the line's number, ERR_LABEL_RANGE, ERR_IO
 */
export async function readImageList(
  file: string,
  options: { labels?: 'check' | 'renumber' | 'keep' } = {},
): Promise<ImageList> {
  const entries: RawEntry[] = [];
  let parse: ((columns: string[]) => ListedImage | string) | undefined;
  for await (const { text, number } of readLines(file)) {
    if (text.trim() === '') continue;
    const columns = text.split('\t').map((column) => column.trim());
    parse ??= columns.length >= 3 && isNumber(columns[1]!) ? parseIm2rec : parseFace2rec2;
    const entry = parse(columns);
    if (typeof entry === 'string')
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file}, line ${number}: ${entry}, found ${JSON.stringify(text.slice(0, 100))}.`,
      );
    entries.push({ ...entry, line: number });
  }
  if (entries.length === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} lists no images.`);
  if (options.labels === 'keep') return { images: entries.map(({ line: _, ...image }) => image), names: [] };
  return numberClasses(file, entries, options.labels === 'renumber');
}

function parseIm2rec(columns: string[]): ListedImage | string {
  const [index, ...rest] = columns;
  const file = rest.pop();
  const label = Number(rest[0]);
  if (columns.length < 3 || !file || !/^\d+$/.test(index!) || !rest.every(isNumber))
    return 'expected "index<TAB>label<TAB>path"';
  if (!isLabel(label)) return 'expected a whole number from 0 to 16777215 as the label';
  return { path: file, label };
}

function parseFace2rec2(columns: string[]): ListedImage | string {
  const [aligned, file, labelText, ...numbers] = columns;
  const expected = 'expected "aligned<TAB>path<TAB>label", four more numbers or 14 more may follow';
  if (!file || !labelText || !/^[01]$/.test(aligned!) || ![0, 4, 14].includes(numbers.length))
    return expected;
  const label = Number(labelText);
  if (!isNumber(labelText) || !isLabel(label))
    return 'expected a whole number from 0 to 16777215 as the label';
  if (!numbers.every(isNumber)) return expected;
  const values = numbers.slice(4).map(Number);
  const points = values.slice(0, 5).map((x, i): Point => [x, values[5 + i]!]);
  return { path: file, label, aligned: aligned === '1', ...(points.length > 0 && { points }) };
}

function isNumber(text: string): boolean {
  return text !== '' && Number.isFinite(Number(text));
}

/** Labels travel as float32, which holds whole numbers up to 2^24 exactly. */
function isLabel(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 24;
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
