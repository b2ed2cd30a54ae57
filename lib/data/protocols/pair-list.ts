import { stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../../errors';
import { byCodeUnits } from '../lists/image-files';
import { readCfpPairs } from './cfp';
import { readLines } from '../../files/lines';
import { parseLfw } from './lfw';
import { columnsFault, flaggedFault, isLfw } from './pair-faults';
import { badLine, type Line, type ListedPair } from './listed-pair';

/** The forms of pair lists that are read. */
export type PairListForm = 'lfw' | 'columns' | 'flagged' | 'cfp';

/** Pairs of images as a list names them. */
export interface PairList {
  form: PairListForm;
  pairs: ListedPair[];
  /** Of LFW's form: how many folds its first line announces; each has as many pairs, one fold behind the other. */
  folds?: number;
}

/**
 * Reads a list of verification pairs, in one of these forms:
 *
 * - `lfw`, LFW's `pairs.txt`: a line `folds pairs` (or `pairs` alone, one fold), then in each fold so many lines
 *   `name i j` and as many lines `name1 i name2 j`; image i of a person is `name/name_000i.jpg`;
 * - `columns`: a line `path1 path2 1` (the same person) or `0` (also `-1`) for each pair;
 * - `flagged`, CALFW's and CPLFW's lists: two lines `path flag` for each pair, with the same flag; 0 stands for
 *   different people;
 * - `cfp`, the folder `Protocol` of CFP: `Pair_list_F.txt`, `Pair_list_P.txt`, `Split/FP` or `Split/FF`.
 *
 * Columns are separated by tabs, commas or spaces; the order of the pairs is kept, since folds are contiguous.
 * @param options.protocol which protocol of CFP: frontal-profile or frontal-frontal. @default 'fp'
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT with the line's number, ERR_IO
 */
export async function readPairList(
  file: string,
  options: { protocol?: 'fp' | 'ff' } = {},
): Promise<PairList> {
  const info = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw ioError(error, 'read', file);
    throw new KappaError('ERR_DATA_NOT_FOUND', `There is no list of pairs ${file}.`, { cause: error });
  });
  if (info.isDirectory()) return { form: 'cfp', pairs: await readCfpPairs(file, options.protocol ?? 'fp') };
  const lines: Line[] = [];
  for await (const { text, number } of readLines(file, { expected: 'a list of pairs' })) {
    const trimmed = text.trim();
    if (trimmed !== '') lines.push({ columns: splitColumns(trimmed), text: trimmed, number });
  }
  const first = lines[0]?.columns;
  if (first === undefined) throw new KappaError('ERR_DATA_CORRUPT', `${file} lists no pairs.`);
  if (first.length <= 2 && first.every((column) => /^\d+$/.test(column)))
    return {
      form: 'lfw',
      pairs: parseLfw(lines, file),
      folds: first.length === 2 ? Number(first[0]) : 1,
    };
  if (first.length === 2) return { form: 'flagged', pairs: parseFlagged(lines, file) };
  return { form: 'columns', pairs: lines.map((line) => parseColumns(line, file, lines)) };
}

/** The people whose images occur in pairs: the folders of the images. */
export function peopleOf(pairs: readonly ListedPair[]): string[] {
  const people = pairs.flatMap(({ a, b }) => [path.posix.dirname(a), path.posix.dirname(b)]);
  return [...new Set(people)].sort(byCodeUnits);
}

function splitColumns(text: string): string[] {
  const separator = text.includes('\t') ? /\t+/ : text.includes(',') ? ',' : /\s+/;
  return text.split(separator).map((column) => column.trim());
}

function parseColumns(line: Line, file: string, lines: readonly Line[]): ListedPair {
  const { columns, number } = line;
  const [a, b, flag] = columns;
  if (columns.length !== 3 || !a || !b || !/^(0|1|-1)$/.test(flag!) || isLfw(line))
    throw badLine(file, number, '"path1 path2 1" or "path1 path2 0"', columnsFault(line, lines));
  return { a, b, isSame: flag === '1' };
}

function parseFlagged(lines: Line[], file: string): ListedPair[] {
  for (const line of lines)
    if (line.columns.length !== 2 || !line.columns[0] || !/^\d+$/.test(line.columns[1]!))
      throw badLine(file, line.number, '"path flag"', flaggedFault(line));
  if (lines.length % 2 !== 0)
    throw new KappaError('ERR_DATA_CORRUPT', `${file}: ${lines.length} lines, but each pair needs two.`);
  const pairs: ListedPair[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const [first, second] = [lines[i]!, lines[i + 1]!];
    if (first.columns[1] !== second.columns[1])
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file}, lines ${first.number} and ${second.number}: the two lines of a pair have different flags, ${first.columns[1]} and ${second.columns[1]}.`,
      );
    pairs.push({ a: first.columns[0]!, b: second.columns[0]!, isSame: first.columns[1] !== '0' });
  }
  return pairs;
}
