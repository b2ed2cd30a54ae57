import { KappaError, ioError } from '../errors';
import { openFile } from './open-file';
import { mustBeText, withoutMark, type TextKind } from './text';

/** A line without its end, and its number from 1. */
export interface TextLine {
  text: string;
  number: number;
}

export interface LineOptions extends TextKind {
  /** Longest line, in UTF-16 code units. @default a million */
  maxLine?: number;
  /** Ends the reading with ERR_CANCELLED. */
  signal?: AbortSignal;
}

const MAX_LINE = 1 << 20;
const READ_BYTES = 1 << 20;

/**
 * Reads a text file line by line, without its line ends; a byte order mark is dropped. However large the file, only a
 * piece of it is in memory.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_IO, ERR_CANCELLED, ERR_DATA_CORRUPT for a line that is no line of text, and
 *   for files that are no UTF-8 text, by what they are
 */
export async function* readLines(file: string, options: LineOptions = {}): AsyncGenerator<TextLine> {
  for await (const lines of readLineBatches(file, options)) yield* lines;
}

/** Like {@link readLines}, but many lines at once: for lists of millions. */
export async function* readLineBatches(file: string, options: LineOptions = {}): AsyncGenerator<TextLine[]> {
  const { maxLine = MAX_LINE, signal } = options;
  const handle = await openFile(file);
  try {
    // It keeps the byte order mark, which is dropped from the first line alone.
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let [rest, number] = ['', 0];
    const line = (raw: string): TextLine => {
      if (raw.length > maxLine)
        throw new KappaError(
          'ERR_DATA_CORRUPT',
          `${file}, line ${number + 1}: it has more than ${maxLine} characters, which is longer than a line of text can be.`,
        );
      const text = number === 0 ? withoutMark(raw) : raw;
      return { text: text.endsWith('\r') ? text.slice(0, -1) : text, number: ++number };
    };
    for (let isFirst = true; ; isFirst = false) {
      if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Reading ${file} was interrupted.`);
      const { bytesRead } = await handle.read(buffer, 0, READ_BYTES);
      const piece = buffer.subarray(0, bytesRead);
      if (isFirst) mustBeText(piece, file, options);
      const lines = (rest + decoder.decode(piece, { stream: bytesRead > 0 })).split('\n');
      rest = lines.pop()!;
      const batch = lines.map(line);
      if (rest !== '' && (bytesRead === 0 || rest.length > maxLine)) batch.push(line(rest));
      if (batch.length > 0) yield batch;
      if (bytesRead === 0) return;
    }
  } catch (error) {
    throw ioError(error, 'read', file);
  } finally {
    await handle.close();
  }
}
