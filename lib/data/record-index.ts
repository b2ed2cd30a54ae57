import { readFile } from 'node:fs/promises';
import { KappaError, ioError } from '../errors';

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const ZERO = 48;
const MAX_KEY = 0xffffffff;

/** The index of a record file: entry i is the record with the i-th smallest key. */
export interface RecordIndex {
  keys: Uint32Array;
  /** Byte offset of each record's magic. Float64 holds every offset below 2^53 exactly. */
  offsets: Float64Array;
}

/** Reads an `.idx` file. @throws KappaError ERR_IO, ERR_DATA_CORRUPT */
export async function readRecordIndex(path: string): Promise<RecordIndex> {
  let text: Buffer;
  try {
    text = await readFile(path);
  } catch (error) {
    throw ioError(error, 'read', path);
  }
  return parseRecordIndex(text, path);
}

/**
 * Parses lines `key<TAB>offset` in any order; the result is sorted by key.
 * @param path names the file in errors.
 * @throws KappaError ERR_DATA_CORRUPT for a bad line (its number is given), a doubled key or an empty file.
 */
export function parseRecordIndex(text: Buffer, path: string): RecordIndex {
  let lines = text.length > 0 && text[text.length - 1] !== NEWLINE ? 1 : 0;
  for (let at = text.indexOf(NEWLINE); at !== -1; at = text.indexOf(NEWLINE, at + 1)) lines++;
  const keys = new Uint32Array(lines);
  const offsets = new Float64Array(lines);
  let at = 0;
  let sorted = true;
  const number = (line: number, max: number): number => {
    const from = at;
    let value = 0;
    for (let digit = text[at]! - ZERO; digit >= 0 && digit <= 9; digit = text[++at]! - ZERO) {
      value = value * 10 + digit;
      if (value > max) break;
    }
    if (at === from || value > max) throw badLine(text, path, line);
    return value;
  };
  for (let i = 0; i < lines; i++) {
    keys[i] = number(i, MAX_KEY);
    if (text[at++] !== TAB) throw badLine(text, path, i);
    offsets[i] = number(i, Number.MAX_SAFE_INTEGER);
    if (text[at] === RETURN) at++;
    if (at < text.length && text[at] !== NEWLINE) throw badLine(text, path, i);
    at++;
    if (i > 0 && keys[i]! <= keys[i - 1]!) sorted = false;
  }
  if (lines === 0)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${path} is empty: it should hold a line "key<TAB>offset" for each record.`,
    );
  const index = sorted ? { keys, offsets } : sortByKey(keys, offsets);
  for (let i = 1; i < lines; i++)
    if (index.keys[i] === index.keys[i - 1])
      throw new KappaError('ERR_DATA_CORRUPT', `${path}: key ${index.keys[i]} occurs more than once.`);
  return index;
}

/** The text of an `.idx` file. */
export function formatRecordIndex(index: RecordIndex): string {
  const lines: string[] = [];
  index.keys.forEach((key, i) => lines.push(`${key}\t${index.offsets[i]}\n`));
  return lines.join('');
}

function sortByKey(keys: Uint32Array, offsets: Float64Array): RecordIndex {
  const order = Uint32Array.from(keys, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
  return {
    keys: Uint32Array.from(order, (i) => keys[i]!),
    offsets: Float64Array.from(order, (i) => offsets[i]!),
  };
}

function badLine(text: Buffer, path: string, line: number): KappaError {
  let from = 0;
  for (let i = 0; i < line; i++) from = text.indexOf(NEWLINE, from) + 1;
  const end = text.indexOf(NEWLINE, from);
  const shown = text.toString('latin1', from, Math.min(end === -1 ? text.length : end, from + 60));
  return new KappaError(
    'ERR_DATA_CORRUPT',
    `${path}, line ${line + 1}: expected "key<TAB>byte offset" but found ${JSON.stringify(shown)}.`,
  );
}
