import { KappaError } from '../../errors';
import { readLineBatches } from '../../files/lines';

/** A line of a `.lst` file. */
export interface FaceListEntry {
  /** The image's path, relative to the root of the list or absolute. */
  path: string;
  /** The class: the first of the labels. */
  label: number;
  /** All labels of an im2rec line. */
  labels: readonly number[];
  /** Whether the image shows an aligned face already; undefined in im2rec lists, which do not say. */
  aligned: boolean | undefined;
  /** Left, top, right and bottom of the face in pixels, where the line has them. */
  box: readonly [number, number, number, number] | undefined;
  /** Eyes, nose and corners of the mouth as [x, y] in pixels, where the line has them. */
  points: readonly [number, number][] | undefined;
}

/** `im2rec`: index, label or labels, path. `face2rec2`: aligned (0 or 1), path, label, then maybe 4 and 10 numbers. */
export type FaceListFormat = 'im2rec' | 'face2rec2';

// A path has at most some thousand characters; a file without line ends is refused early.
const MAX_LINE = 1 << 16;

/**
 * Reads a `.lst` file line by line; the format is told by its first line and must stay the same.
 * @param visit called for each entry in order, with its line number from 1
 * @param signal ends the reading with ERR_CANCELLED
 * @throws KappaError ERR_DATA_CORRUPT and ERR_LABEL_RANGE with the line, ERR_IO, ERR_CANCELLED
 */
export async function readFaceList(
  file: string,
  visit: (entry: FaceListEntry, line: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  let format: FaceListFormat | undefined;
  const lines = readLineBatches(file, { maxLine: MAX_LINE, signal, expected: 'a list of images' });
  try {
    for await (const batch of lines)
      for (const { text, number } of batch) {
        if (text.trim() === '') continue;
        format ??= faceListFormat(text);
        visit(parseFaceListLine(text, format, `${file}, line ${number}`), number);
      }
  } catch (error) {
    if (error instanceof KappaError && error.code === 'ERR_DATA_NOT_FOUND')
      throw new KappaError('ERR_DATA_NOT_FOUND', `There is no list ${file}.`, { cause: error });
    throw error;
  }
}

/** The format of a line: its path is the last field (im2rec) or the second one (face2rec2). */
function faceListFormat(line: string): FaceListFormat {
  const fields = line.split('\t');
  const isPath = (field: string | undefined) => field !== undefined && !isNumber(field);
  return isPath(fields[1]) && !isPath(fields.at(-1)) && /^[01]$/.test(fields[0]!) ? 'face2rec2' : 'im2rec';
}

/** @throws KappaError ERR_DATA_CORRUPT, ERR_LABEL_RANGE */
function parseFaceListLine(line: string, format: FaceListFormat, where: string): FaceListEntry {
  const fields = line.split('\t');
  return format === 'im2rec' ? parseIm2rec(fields, line, where) : parseFace2rec2(fields, line, where);
}

function parseIm2rec(fields: string[], line: string, where: string): FaceListEntry {
  const path = fields.at(-1)!;
  const labels = fields.slice(1, -1);
  if (fields.length < 3 || path === '' || !isNumber(fields[0]!) || !labels.every(isNumber))
    throw badLine('index<TAB>label<TAB>path', line, where);
  const numbers = labels.map(Number);
  const label = classLabel(numbers[0]!, where);
  return { path, label, labels: numbers, aligned: undefined, box: undefined, points: undefined };
}

function parseFace2rec2(fields: string[], line: string, where: string): FaceListEntry {
  const [aligned, path, ...numbers] = fields;
  if (
    (aligned !== '0' && aligned !== '1') ||
    !path ||
    ![1, 5, 15].includes(numbers.length) ||
    !numbers.every(isNumber)
  )
    throw badLine(
      '0|1<TAB>path<TAB>label, then nothing, 4 numbers of a box, or these and 10 of five points',
      line,
      where,
    );
  const [label, ...places] = numbers.map(Number) as [number, ...number[]];
  const xs = places.slice(4, 9);
  return {
    path,
    label: classLabel(label, where),
    labels: [label],
    aligned: aligned === '1',
    box: places.length > 0 ? (places.slice(0, 4) as [number, number, number, number]) : undefined,
    points: xs.length > 0 ? xs.map((x, i) => [x, places[9 + i]!]) : undefined,
  };
}

function isNumber(field: string): boolean {
  return /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(field);
}

function classLabel(label: number, where: string): number {
  if (!Number.isInteger(label))
    throw new KappaError('ERR_DATA_CORRUPT', `${where}: its label is ${label}, not an integer.`);
  if (label < 0 || label > 0x7fffffff)
    throw new KappaError(
      'ERR_LABEL_RANGE',
      `${where}: its label is ${label}; labels run from 0 to the number of classes - 1.`,
    );
  return label;
}

function badLine(expected: string, line: string, where: string): KappaError {
  const shown = JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}...` : line);
  return new KappaError('ERR_DATA_CORRUPT', `${where}: expected "${expected}" but found ${shown}.`);
}
