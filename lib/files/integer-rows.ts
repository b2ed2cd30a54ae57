import { ioError, KappaError } from '../errors';
import { openFile } from './open-file';

export interface IntegerRowsOptions {
  /** Numbers of a line. */
  columns: number;
  /** What a line holds, for errors: `template template 0|1`. */
  form: string;
  /** Lines that are expected, so that no memory is taken twice. */
  expected?: number;
  signal?: AbortSignal;
}

const READ_BYTES = 1 << 20;
const [NEWLINE, RETURN, SPACE, TAB, ZERO] = [10, 13, 32, 9, 48];
const LARGEST = 2 ** 31 - 1;

/**
 * Reads a text file whose lines are whole numbers from 0 to 2^31 - 1, parted by blanks: millions of lines a second, and no
 * text is made of them. Empty lines at the end are passed over.
 *
 * @returns one array for each column
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_IO, ERR_CANCELLED, ERR_DATA_CORRUPT naming the line
 */
export async function readIntegerRows(
  file: string,
  { columns, form, expected = 1024, signal }: IntegerRowsOptions,
): Promise<Int32Array[]> {
  let arrays = Array.from({ length: columns }, () => new Int32Array(expected));
  let [rows, column, value] = [0, 0, -1];
  const bad = (): KappaError =>
    new KappaError('ERR_DATA_CORRUPT', `${file}, line ${rows + 1}: expected "${form}", whole numbers.`);
  const endNumber = (): void => {
    if (value < 0) return;
    if (column === columns) throw bad();
    arrays[column++]![rows] = value;
    value = -1;
  };
  const endLine = (): void => {
    endNumber();
    if (column === 0) return;
    if (column !== columns) throw bad();
    column = 0;
    if (++rows < arrays[0]!.length) return;
    arrays = arrays.map((array) => {
      const larger = new Int32Array(2 * array.length);
      larger.set(array);
      return larger;
    });
  };
  const handle = await openFile(file);
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Reading ${file} was interrupted.`);
      const { bytesRead } = await handle.read(buffer, 0, READ_BYTES);
      if (bytesRead === 0) break;
      for (let i = 0; i < bytesRead; i++) {
        const byte = buffer[i]!;
        const digit = byte - ZERO;
        if (digit >= 0 && digit <= 9) {
          value = (value < 0 ? 0 : value) * 10 + digit;
          if (value > LARGEST) throw bad();
        } else if (byte === NEWLINE) endLine();
        else if (byte === SPACE || byte === TAB || byte === RETURN) endNumber();
        else throw bad();
      }
    }
    endLine();
  } catch (error) {
    throw error instanceof KappaError ? error : ioError(error, 'read', file);
  } finally {
    await handle.close();
  }
  return arrays.map((array) => array.subarray(0, rows));
}
