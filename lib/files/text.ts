import { readFile } from 'node:fs/promises';
import { KappaError, type KappaErrorCode } from '../errors';
import { stranger, strangerError } from './strangers';

/** What a text file is read as, for messages. */
export interface TextKind {
  /** With its article: `a list of images`. @default 'text' */
  expected?: string;
  /** @default 'ERR_DATA_CORRUPT' */
  code?: KappaErrorCode;
}

const UTF8_MARK = '\ufeff';
const LOOKED_AT = 512;

/**
 * Reads a text file: the byte order mark of Windows tools is dropped, other codings and files that are no text are
 * named. Small files only; see `readLines` for lists of any size.
 * @throws KappaError ERR_DATA_CORRUPT (or `code`), and what the file system says
 */
export async function readText(file: string, kind: TextKind = {}): Promise<string> {
  return decodeText(await readFile(file), file, kind);
}

/** The text of a file's bytes, see {@link readText}. */
export function decodeText(bytes: Buffer, file: string, kind: TextKind = {}): string {
  mustBeText(bytes, file, kind);
  return withoutMark(bytes.toString('utf8'));
}

/** Text without the byte order mark of UTF-8. */
export function withoutMark(text: string): string {
  return text.startsWith(UTF8_MARK) ? text.slice(1) : text;
}

/**
 * Refuses a file whose first bytes are no UTF-8 text.
 * @throws KappaError ERR_DATA_CORRUPT (or `code`) that names what it is
 */
export function mustBeText(
  head: Buffer,
  file: string,
  { expected = 'text', code = 'ERR_DATA_CORRUPT' }: TextKind = {},
): void {
  const coding = otherCoding(head);
  if (coding !== undefined)
    throw new KappaError(
      code,
      `${file} is text in ${coding}, as Windows tools write it. Save it as UTF-8 (in PowerShell: Set-Content -Encoding utf8).`,
    );
  const found = stranger(head);
  if (found !== undefined) throw strangerError(file, found, expected, code);
}

/** The coding of text that is not UTF-8, by its byte order mark or by the zeros of its letters. */
function otherCoding(head: Buffer): string | undefined {
  const [a, b, c, d] = head;
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 && head.length >= 4 ? 'UTF-32' : 'UTF-16';
  if (a === 0xfe && b === 0xff) return 'UTF-16';
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return 'UTF-32';
  const even = head.length - (head.length % 2);
  const looked = head.subarray(0, Math.min(even, LOOKED_AT));
  if (looked.length < 8) return undefined;
  // Latin letters have a zero byte each, always on the same side.
  const zeros = [0, 1].map((side) => looked.filter((byte, i) => i % 2 === side && byte === 0).length);
  const half = looked.length / 2;
  const isText = looked.every((byte) => byte === 0 || byte >= 32 || [9, 10, 13].includes(byte));
  return isText && Math.max(...zeros) === half && Math.min(...zeros) === 0 ? 'UTF-16' : undefined;
}
