import { KappaError } from '../errors';

const NEWLINE = 10;
const MAX_NUMBER_LINE = 32;
const ESCAPES: Readonly<Record<string, number>> = {
  '\\': 92,
  "'": 39,
  '"': 34,
  n: 10,
  r: 13,
  t: 9,
  a: 7,
  b: 8,
  f: 12,
  v: 11,
};

/** Walks through a pickle's bytes; every length is checked against what is left before anything is taken. */
export class PickleCursor {
  readonly #bytes: Buffer;
  readonly #file: string;
  #at = 0;
  #opcodeAt = 0;

  constructor(bytes: Buffer, file: string) {
    this.#bytes = bytes;
    this.#file = file;
  }

  /** Bytes that have not been read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The error for the operation that is being read. */
  fail(why: string): KappaError {
    return new KappaError(
      'ERR_DATA_CORRUPT',
      `${this.#file}, byte ${this.#opcodeAt}: not a verification set: ${why}.`,
    );
  }

  opcode(): number {
    this.#opcodeAt = this.#at;
    return this.byte();
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  take(count: number): Buffer {
    if (count > this.left)
      throw this.fail(
        `${count} bytes are announced, but the file ends after ${this.left} (truncated or damaged)`,
      );
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** An unsigned little-endian length of 4 or 8 bytes. */
  length(bytes: 4 | 8): number {
    const field = this.take(bytes);
    if (bytes === 4) return field.readUInt32LE(0);
    const value = field.readBigUInt64LE(0);
    if (value > BigInt(this.#bytes.length))
      throw this.fail(`a length of ${value} bytes is announced, more than the file has`);
    return Number(value);
  }

  /** Bytes up to the next newline, which is passed over. */
  line(): Buffer {
    const end = this.#bytes.indexOf(NEWLINE, this.#at);
    if (end === -1) throw this.fail('a line has no end (truncated or damaged)');
    const line = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return line;
  }

  decimal(): number {
    return this.#integer(this.#numberLine());
  }

  /** Protocol 0 writes booleans as the integers 00 and 01. */
  decimalOrBool(): number | boolean {
    const text = this.#numberLine();
    if (text === '01') return true;
    return text === '00' ? false : this.#integer(text);
  }

  decimalLong(): number {
    return this.#integer(this.#numberLine().replace(/L$/, ''));
  }

  decimalFloat(): number {
    const text = this.#numberLine();
    if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) throw this.fail('a number is malformed');
    return Number(text);
  }

  /** A little-endian two's complement integer; those beyond 6 bytes have no business here. */
  long(count: number): number {
    if (count > 6) throw this.fail(`an integer of ${count} bytes`);
    const field = this.take(count);
    return count === 0 ? 0 : field.readIntLE(0, count);
  }

  /** Protocol 0's `'...'` with Python's escapes: a Python 2 str. */
  quotedString(): Buffer {
    const line = this.line();
    const quote = line[0];
    if (line.length < 2 || (quote !== 39 && quote !== 34) || line[line.length - 1] !== quote)
      throw this.fail('a string has no quotes');
    const out = Buffer.allocUnsafe(line.length);
    let length = 0;
    for (let i = 1; i < line.length - 1; i++) {
      if (line[i] !== 92) {
        out[length++] = line[i]!;
        continue;
      }
      const letter = String.fromCharCode(line[++i]!);
      const hex = letter === 'x' ? line.toString('latin1', i + 1, i + 3) : '';
      const simple = ESCAPES[letter];
      if (/^[0-9a-fA-F]{2}$/.test(hex) && i + 3 < line.length) {
        out[length++] = parseInt(hex, 16);
        i += 2;
      } else if (simple !== undefined && i < line.length - 1) out[length++] = simple;
      else throw this.fail('a string has an unknown escape');
    }
    return out.subarray(0, length);
  }

  #numberLine(): string {
    const line = this.line();
    if (line.length > MAX_NUMBER_LINE) throw this.fail('a number is malformed');
    return line.toString('latin1');
  }

  #integer(text: string): number {
    const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value)) throw this.fail('a number is malformed');
    return value;
  }
}
