import { open, type FileHandle } from 'node:fs/promises';
import { KappaError, ioError } from '../../errors';
import { doubled, range } from '../number-arrays';
import { PART, dialectOfMagic, partFlag, partLength, type RecordDialect } from './dialect';
import { RECORD_HEADER_BYTES } from './header';
import type { RecordIndex } from './index-file';

const PART_HEADER_BYTES = 8;
const READ_BYTES = 4 << 20;
const MAX_ID = 0xffffffff;

export interface ScanOptions {
  /** Ends the scan with ERR_CANCELLED; nothing was written by then. */
  signal?: AbortSignal;
  /** Called after each read with the bytes passed and those of the file. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Makes the index of a record file by walking from part to part, with large reads in the order of the file.
 *
 * Keys are positions in the file where the file begins with a header record (face2rec2 writes in the order of its
 * keys); else the ids that the records carry, as im2rec writes them, if they are distinct, and positions if not.
 * @throws KappaError ERR_DATA_CORRUPT at the first byte where no record stands, ERR_IO, ERR_CANCELLED
 */
export async function scanRecords(path: string, options: ScanOptions = {}): Promise<RecordIndex> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    return await new RecordScan(path, file, size).run(options);
  } catch (error) {
    throw ioError(error, 'read', path);
  } finally {
    await file?.close();
  }
}

class RecordScan {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #bufferAt = 0;
  #buffered = 0;
  #dialect: RecordDialect | undefined;
  #offsets = new Float64Array(1024);
  #ids = new Uint32Array(1024);
  #count = 0;
  #hasIds = true;
  #hasHeader = false;

  constructor(path: string, file: FileHandle, size: number) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
  }

  async run({ signal, onProgress }: ScanOptions): Promise<RecordIndex> {
    let inside = false;
    for (let at = 0; at < this.#size;) {
      const wanted = Math.min(PART_HEADER_BYTES + RECORD_HEADER_BYTES, this.#size - at);
      if (at < this.#bufferAt || at + wanted > this.#bufferAt + this.#buffered) {
        if (signal?.aborted)
          throw new KappaError(
            'ERR_CANCELLED',
            `The scan of ${this.#path} was interrupted at byte ${at} of ${this.#size}.`,
          );
        onProgress?.(at, this.#size);
        await this.#read(at);
      }
      const { flag, length, end } = this.#part(at);
      if (inside !== (flag === PART.middle || flag === PART.last) || flag > PART.last)
        throw this.#corrupt(
          at,
          `a part of kind ${flag} stands ${inside ? 'within a split record' : 'where a record should begin'}`,
        );
      if (!inside) this.#add(at, flag, length);
      inside = flag === PART.first || flag === PART.middle;
      at = end;
    }
    if (inside) throw this.#corrupt(this.#size, 'the last record has no end: the file is truncated');
    if (this.#count === 0)
      throw new KappaError('ERR_DATA_CORRUPT', `${this.#path} is empty: it holds no records.`);
    onProgress?.(this.#size, this.#size);
    const offsets = this.#offsets.slice(0, this.#count);
    return this.#byId(offsets) ?? { keys: range(offsets.length), offsets };
  }

  #part(at: number) {
    const head = this.#buffer.subarray(at - this.#bufferAt, this.#buffered);
    if (head.length < PART_HEADER_BYTES)
      throw this.#corrupt(at, `the file ends within the head of a record: it is truncated`);
    const magic = head.readUInt32LE(0);
    this.#dialect ??= dialectOfMagic(magic);
    if (magic !== this.#dialect?.magic)
      throw this.#corrupt(
        at,
        `no record begins here, though the one before ends here (found 0x${magic.toString(16).padStart(8, '0')})`,
      );
    const lrec = head.readUInt32LE(4);
    const length = partLength(lrec, this.#dialect);
    const left = this.#size - at - PART_HEADER_BYTES;
    if (length > left)
      throw this.#corrupt(
        at,
        `its length is given as ${length} bytes, but the file ends ${left} bytes later: the file is truncated or damaged`,
      );
    const end = Math.min(at + PART_HEADER_BYTES + 4 * Math.ceil(length / 4), this.#size);
    return { flag: partFlag(lrec, this.#dialect), length, end };
  }

  #add(at: number, flag: number, length: number): void {
    if (this.#count === this.#offsets.length) {
      this.#offsets = doubled(this.#offsets);
      this.#ids = doubled(this.#ids);
    }
    if (length >= RECORD_HEADER_BYTES) {
      const payload = at - this.#bufferAt + PART_HEADER_BYTES;
      const labels = this.#buffer.readUInt32LE(payload);
      if (this.#count === 0 && flag === PART.whole)
        this.#hasHeader = length === RECORD_HEADER_BYTES + 4 * labels;
      const id = this.#buffer.readUInt32LE(payload + 8) + 2 ** 32 * this.#buffer.readUInt32LE(payload + 12);
      if (id > MAX_ID) this.#hasIds = false;
      else this.#ids[this.#count] = id;
    } else this.#hasIds = false; // split within its header: there are next to none
    this.#offsets[this.#count++] = at;
  }

  /** The index by the records' own ids, if they can be keys. */
  #byId(offsets: Float64Array): RecordIndex | undefined {
    if (this.#hasHeader || !this.#hasIds) return undefined;
    const ids = this.#ids.subarray(0, this.#count);
    const keys = Uint32Array.from(ids).sort();
    for (let i = 1; i < keys.length; i++) if (keys[i] === keys[i - 1]) return undefined;
    let inOrder = true;
    for (let i = 0; inOrder && i < keys.length; i++) inOrder = keys[i] === ids[i];
    if (inOrder) return { keys, offsets };
    const order = range(ids.length).sort((a, b) => ids[a]! - ids[b]!);
    return { keys, offsets: offsets.map((_, i) => offsets[order[i]!]!) };
  }

  async #read(at: number): Promise<void> {
    const wanted = Math.min(READ_BYTES, this.#size - at);
    this.#bufferAt = at;
    this.#buffered = 0;
    while (this.#buffered < wanted) {
      const { bytesRead } = await this.#file.read(
        this.#buffer,
        this.#buffered,
        wanted - this.#buffered,
        at + this.#buffered,
      );
      if (bytesRead === 0) throw this.#corrupt(at, 'the file became shorter while it was read');
      this.#buffered += bytesRead;
    }
  }

  #corrupt(at: number, why: string): KappaError {
    return new KappaError('ERR_DATA_CORRUPT', `${this.#path}: record at byte ${at}: ${why}.`);
  }
}
