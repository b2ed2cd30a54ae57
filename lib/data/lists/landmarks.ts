import path from 'node:path';
import { KappaError } from '../../errors';
import { readLines } from '../../files/lines';
import type { Point } from '../../image/similarity';

/** Landmarks of images, by the image's path as the file has it. */
export class Landmarks {
  readonly #file: string;
  readonly #byPath: Map<string, Point[]>;
  #byName: Map<string, Point[] | null> | undefined;

  constructor(file: string, byPath: Map<string, Point[]>) {
    this.#file = file;
    this.#byPath = byPath;
  }

  get size(): number {
    return this.#byPath.size;
  }

  /** All images, by the paths that the file has, in its order. */
  entries(): IterableIterator<[string, Point[]]> {
    return this.#byPath.entries();
  }

  /**
   * The landmarks of an image: of its path, or of its file name where only one image here has that name. The ending may
   * be another one, since aligned and packed images often get a new one.
   */
  find(image: string): Point[] | undefined {
    const path = plainPath(image);
    const names = this.#names();
    const keys = [path, stem(path), baseName(path), baseName(stem(path))];
    for (const [i, key] of keys.entries()) {
      const found = i === 0 ? this.#byPath.get(key) : names.get(key);
      if (found) return found;
    }
    return undefined;
  }

  /** Why there are none, for an error message. */
  whyMissing(image: string): string {
    return this.#names().get(baseName(plainPath(image))) === null
      ? `${this.#file} has several images of that name, and none with that path`
      : `${this.#file} has no landmarks of it`;
  }

  /** Other names of images: the file's name alone, and both without the ending; null for names of several. */
  #names(): Map<string, Point[] | null> {
    if (this.#byName) return this.#byName;
    const names = (this.#byName = new Map<string, Point[] | null>());
    for (const [file, points] of this.#byPath)
      for (const name of new Set([baseName(file), stem(file), baseName(stem(file))]))
        names.set(name, names.has(name) ? null : points);
    return names;
  }
}

function baseName(file: string): string {
  return path.posix.basename(file);
}

/** A path without its ending. */
function stem(file: string): string {
  return file.slice(0, file.length - path.posix.extname(file).length);
}

/** A path as Windows or a shell writes it, the way lists here have it. */
function plainPath(file: string): string {
  return file.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
}

/**
 * Reads landmarks: a line for each image, `path x1 y1 x2 y2 ...` with 5 or 68 points, separated by tabs, commas or
 * spaces; one more number (a detector's score) may follow. A face2rec2 `.lst` with points (17 columns, `x1 ... x5 y1 ...
 * y5`) is taken as well. The first line may be a header; empty lines and lines that begin with `#` are passed over.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT with the line's number, ERR_IO
 */
export async function readLandmarks(file: string): Promise<Landmarks> {
  const found = new Map<string, Point[]>();
  for await (const { text, number } of readLines(file, { expected: 'a file with landmarks' })) {
    if (text.trim() === '' || text.startsWith('#')) continue;
    const columns = splitColumns(text);
    const entry = parseLandmarks(columns);
    if (entry === undefined) {
      if (found.size === 0 && /^\s*[[{]/.test(text))
        throw new KappaError(
          'ERR_DATA_CORRUPT',
          `${file} is JSON. Expected text with a line for each image: its path, and 5 or 68 points as x1 y1 x2 y2 and so on.`,
        );
      const isHeader = columns.slice(1).every((column) => !Number.isFinite(Number(column)));
      if (number === 1 && isHeader && !text.includes(';')) continue;
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file}, line ${number}: expected a path and 5 or 68 points (x1 y1 x2 y2 ...), ${whatIsWrong(columns)}.`,
      );
    }
    const name = plainPath(entry[0]);
    const points = entry[1];
    if (found.has(name))
      throw new KappaError('ERR_DATA_CORRUPT', `${file}, line ${number}: ${name} occurs twice.`);
    found.set(name, points);
  }
  if (found.size === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} holds no landmarks.`);
  return new Landmarks(file, found);
}

/** Whether a line of text tells of an image and its landmarks, as {@link readLandmarks} takes it. */
export function hasLandmarks(line: string): boolean {
  return parseLandmarks(splitColumns(line)) !== undefined;
}

function parseLandmarks(columns: string[]): [string, Point[]] | undefined {
  if (columns.some((column) => column === '')) return undefined;
  if (columns.length === 17) {
    const values = columns.slice(7).map(Number);
    const points = values.slice(0, 5).map((x, i): Point => [x, values[5 + i]!]);
    return values.every(Number.isFinite) ? [columns[1]!, points] : undefined;
  }
  const [name, ...numbers] = columns;
  if (![10, 11, 136, 137].includes(numbers.length)) return undefined;
  const values = numbers.map(Number);
  if (!values.every(Number.isFinite)) return undefined;
  const count = values.length >> 1;
  return [name!, Array.from({ length: count }, (_, i): Point => [values[2 * i]!, values[2 * i + 1]!])];
}

function splitColumns(text: string): string[] {
  const separator = text.includes('\t') ? '\t' : text.includes(',') ? ',' : /\s+/;
  return text
    .trim()
    .split(separator)
    .map((column) => column.trim());
}

/** What a line has instead of landmarks. */
function whatIsWrong(columns: string[]): string {
  const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
  if (columns.length === 1 && columns[0]!.includes(';'))
    return `found columns that are separated by semicolons: ${shown(columns[0]!)}. Separate them by spaces, tabs or commas`;
  const numbers = columns.slice(1);
  const at = numbers.findIndex((column) => column === '' || !Number.isFinite(Number(column)));
  if (at !== -1)
    return `but column ${at + 2} is ${shown(numbers[at]!)}, which is no number (of ${columns.length} columns)`;
  const box = [14, 15].includes(numbers.length) ? ' Perhaps four of them are a box: take these away' : '';
  return `but ${numbers.length} numbers follow ${shown(columns[0]!)}; 5 points are 10 numbers, 68 are 136, and a score may follow${box && `.${box}`}`;
}
