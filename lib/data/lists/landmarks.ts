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

  /** The landmarks of an image: of its path, or of its file name where only one image here has that name. */
  find(image: string): Point[] | undefined {
    return this.#byPath.get(image) ?? this.#names().get(path.posix.basename(image)) ?? undefined;
  }

  /** Why there are none, for an error message. */
  whyMissing(image: string): string {
    return this.#names().get(path.posix.basename(image)) === null
      ? `${this.#file} has several images of that name, and none with that path`
      : `${this.#file} has no landmarks of it`;
  }

  #names(): Map<string, Point[] | null> {
    if (this.#byName) return this.#byName;
    this.#byName = new Map();
    for (const [file, points] of this.#byPath) {
      const name = path.posix.basename(file);
      this.#byName.set(name, this.#byName.has(name) ? null : points);
    }
    return this.#byName;
  }
}

/**
 * Reads landmarks: a line for each image, `path x1 y1 x2 y2 ...` with 5 or 68 points, separated by tabs, commas or
 * spaces; one more number (a detector's score) may follow. A face2rec2 `.lst` with points (17 columns, `x1 ... x5 y1 ...
 * y5`) is taken as well. The first line may be a header; empty lines and lines that begin with `#` are passed over.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT with the line's number, ERR_IO
 */
export async function readLandmarks(file: string): Promise<Landmarks> {
  const found = new Map<string, Point[]>();
  for await (const { text, number } of readLines(file)) {
    if (text.trim() === '' || text.startsWith('#')) continue;
    const separator = text.includes('\t') ? '\t' : text.includes(',') ? ',' : /\s+/;
    const columns = text
      .trim()
      .split(separator)
      .map((column) => column.trim());
    const entry = parseLandmarks(columns);
    if (entry === undefined) {
      if (number === 1 && columns.slice(1).every((column) => !Number.isFinite(Number(column)))) continue;
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file}, line ${number}: expected a path and 5 or 68 points (x1 y1 x2 y2 ...), found ${columns.length} columns: ${JSON.stringify(text.slice(0, 80))}.`,
      );
    }
    const [name, points] = entry;
    if (found.has(name))
      throw new KappaError('ERR_DATA_CORRUPT', `${file}, line ${number}: ${name} occurs twice.`);
    found.set(name, points);
  }
  if (found.size === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} holds no landmarks.`);
  return new Landmarks(file, found);
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
