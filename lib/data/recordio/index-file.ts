import { open } from 'node:fs/promises';
import { KappaError, ioError } from '../../errors';
import { mustBeText } from '../../files/text';
import { writeFileAtomically } from '../../files/atomic-file';
import { range, resized } from '../number-arrays';

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const ZERO = 48;
const MAX_KEY = 0xffffffff;
const READ_BYTES = 4 << 20;
// Two numbers with what stands between them are never longer; a file without line ends is refused early.
const MAX_LINE_BYTES = 64;
const LINES_PER_WRITE = 1 << 16;

/** The index of a record file: entry i is the record with the i-th smallest key. */
export interface RecordIndex {
  keys: Uint32Array;
  /** Byte offset of each record's magic. Float64 holds every offset below 2^53 exactly. */
  offsets: Float64Array;
}

/** Reads an `.idx` file piece by piece, so that it may be of any size. @throws KappaError ERR_IO, ERR_DATA_CORRUPT */
export async function readRecordIndex(path: string): Promise<RecordIndex> {
  const parser = new IndexParser(path);
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
      const { size } = await file.stat();
      for (let isFirst = true; ; isFirst = false) {
        const { bytesRead } = await file.read(buffer, 0, READ_BYTES);
        if (bytesRead === 0) break;
        const piece = buffer.subarray(0, bytesRead);
        if (isFirst) mustBeText(piece, path, { expected: 'an index of a record file' });
        const hasMark = isFirst && piece.length >= 3 && piece.readUIntBE(0, 3) === 0xefbbbf;
        parser.push(hasMark ? piece.subarray(3) : piece, size);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioError(error, 'read', path);
  }
  return parser.finish();
}

/**
 * Parses lines `key<TAB>offset` in any order; the result is sorted by key.
 * @param path names the file in errors.
 * @throws KappaError ERR_DATA_CORRUPT for a bad line (its number is given), a doubled key or an empty file.
 */
export function parseRecordIndex(text: Buffer, path: string): RecordIndex {
  const parser = new IndexParser(path);
  parser.push(text);
  return parser.finish();
}

/** The text of an `.idx` file. */
export function formatRecordIndex(index: RecordIndex, from = 0, end = index.keys.length): string {
  const lines: string[] = [];
  for (let i = from; i < end; i++) lines.push(`${index.keys[i]}\t${index.offsets[i]}\n`);
  return lines.join('');
}

/** Writes an `.idx` file, whole or not at all. @throws KappaError ERR_IO */
export async function writeRecordIndex(path: string, index: RecordIndex): Promise<void> {
  await writeFileAtomically(path, async (file) => {
    for (let from = 0; from < index.keys.length; from += LINES_PER_WRITE)
      await file.writeFile(
        formatRecordIndex(index, from, Math.min(from + LINES_PER_WRITE, index.keys.length)),
      );
  });
}

/** Takes the bytes of an index in pieces. */
class IndexParser {
  readonly #path: string;
  #keys = new Uint32Array(1024);
  #offsets = new Float64Array(1024);
  #lines = 0;
  #passed = 0;
  #sorted = true;
  /** The beginning of a line whose end has not come yet. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** @param total bytes of the whole file, to make room for it at once */
  push(bytes: Buffer, total = 0): void {
    let from = 0;
    if (this.#rest.length > 0) {
      const end = bytes.indexOf(NEWLINE);
      if (end === -1) return this.#keep(Buffer.concat([this.#rest, bytes.subarray(0, MAX_LINE_BYTES)]));
      this.#parse(Buffer.concat([this.#rest, bytes.subarray(0, end + 1)]));
      from = end + 1;
    }
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > from) this.#parse(bytes.subarray(from, end));
    this.#keep(Buffer.from(bytes.subarray(Math.max(from, end))));
    this.#passed += bytes.length;
    // The first lines have the smallest numbers, so that this is enough.
    if (this.#passed < total) this.#reserve(Math.ceil((total / this.#passed) * this.#lines));
  }

  finish(): RecordIndex {
    if (this.#rest.length > 0) this.#parse(this.#rest);
    if (this.#lines === 0)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${this.#path} is empty: it should hold a line "key<TAB>offset" for each record.`,
      );
    const index = {
      keys: this.#keys.subarray(0, this.#lines),
      offsets: this.#offsets.subarray(0, this.#lines),
    };
    return this.#sorted ? index : sortByKey(index, this.#path);
  }

  #keep(rest: Buffer): void {
    if (rest.length > MAX_LINE_BYTES) throw this.#badLine(rest, 0);
    this.#rest = rest;
  }

  #reserve(lines: number): void {
    if (lines <= this.#keys.length) return;
    this.#keys = resized(this.#keys, lines);
    this.#offsets = resized(this.#offsets, lines);
  }

  /** Parses lines; only the very last one of the file may lack its newline. */
  #parse(text: Buffer): void {
    let at = 0;
    let [keys, offsets, lines] = [this.#keys, this.#offsets, this.#lines];
    let last = lines > 0 ? keys[lines - 1]! : -1;
    const bad = (from: number): KappaError => {
      this.#lines = lines;
      return this.#badLine(text, from);
    };
    while (at < text.length) {
      const line = at;
      let key = 0;
      for (let digit = text[at]! - ZERO; digit >= 0 && digit <= 9; digit = text[++at]! - ZERO) {
        key = key * 10 + digit;
        if (key > MAX_KEY) throw bad(line);
      }
      if (at === line || text[at] !== TAB) throw bad(line);
      const second = ++at;
      let offset = 0;
      for (let digit = text[at]! - ZERO; digit >= 0 && digit <= 9; digit = text[++at]! - ZERO) {
        offset = offset * 10 + digit;
        if (offset > Number.MAX_SAFE_INTEGER) throw bad(line);
      }
      if (at === second) throw bad(line);
      if (text[at] === RETURN) at++;
      if (at < text.length && text[at] !== NEWLINE) throw bad(line);
      at++;
      if (lines === keys.length) {
        this.#reserve(2 * lines);
        [keys, offsets] = [this.#keys, this.#offsets];
      }
      keys[lines] = key;
      offsets[lines++] = offset;
      if (key <= last) this.#sorted = false;
      last = key;
    }
    this.#lines = lines;
  }

  #badLine(text: Buffer, from: number): KappaError {
    const end = text.indexOf(NEWLINE, from);
    const shown = text.toString('latin1', from, Math.min(end === -1 ? text.length : end, from + 60));
    return new KappaError(
      'ERR_DATA_CORRUPT',
      `${this.#path}, line ${this.#lines + 1}: expected "key<TAB>byte offset" but found ${JSON.stringify(shown)}.`,
    );
  }
}

function sortByKey({ keys, offsets }: RecordIndex, path: string): RecordIndex {
  const order = orderOf(keys);
  const sorted = {
    keys: order.map((i) => keys[i]!),
    offsets: offsets.map((_, i) => offsets[order[i]!]!),
  };
  for (let i = 1; i < keys.length; i++)
    if (sorted.keys[i] === sorted.keys[i - 1])
      throw new KappaError('ERR_DATA_CORRUPT', `${path}: key ${sorted.keys[i]} occurs more than once.`);
  return sorted;
}

/** Positions of the keys in ascending order of the keys. */
function orderOf(keys: Uint32Array): Uint32Array {
  return placesOf(keys) ?? range(keys.length).sort((a, b) => keys[a]! - keys[b]!);
}

/** The same by putting each key into its place: for keys without large gaps, as nearly all are. */
function placesOf(keys: Uint32Array): Uint32Array | undefined {
  let [min, max] = [keys[0]!, keys[0]!];
  for (const key of keys) {
    if (key < min) min = key;
    if (key > max) max = key;
  }
  if (max - min >= 4 * keys.length) return undefined;
  const places = new Int32Array(max - min + 1).fill(-1);
  for (let i = 0; i < keys.length; i++) {
    const place = keys[i]! - min;
    if (places[place] !== -1) return undefined; // a doubled key
    places[place] = i;
  }
  return Uint32Array.from(places.filter((place) => place !== -1));
}
