import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { KappaError, ioError } from '../../errors';
import { PART, dialectOfMagic, maxPartLength, partFlag, partLength, type RecordDialect } from './dialect';
import { RECORD_HEADER_BYTES } from './header';

const PART_HEADER_BYTES = 8;
// Up to the first label behind an image record's header.
const LABEL_BYTES = PART_HEADER_BYTES + RECORD_HEADER_BYTES + 4;
// Most face records (112 x 112 JPEG) come whole with the first read of this size.
const FIRST_READ_BYTES = 16 * 1024;

/** Where a record's fixed fields were found, without its image. */
export interface RecordHead {
  flag: number;
  labels: number[];
  /** Bytes of the payload behind the labels; 0 in header and identity records. */
  imageBytes: number;
  /** Offset of the byte after the record and its padding. */
  end: number;
}

/** A part of a record: where its data are, and where the next part begins. */
interface RecordPart {
  flag: number;
  dataAt: number;
  length: number;
  end: number;
}

/**
 * Reads records of a RecordIO file by their offset. Every read is positional, so that any number of readers, in any
 * threads, may work on one file; each opens its own descriptor.
 */
export class RecordReader {
  readonly path: string;
  /** Size of the file in bytes when it was opened. */
  readonly size: number;
  readonly #fd: number;
  #closed = false;
  #dialect: RecordDialect | undefined;
  #buffer = Buffer.allocUnsafeSlow(FIRST_READ_BYTES);
  #bufferAt = 0;
  #buffered = 0;

  private constructor(path: string, fd: number, size: number) {
    this.path = path;
    this.#fd = fd;
    this.size = size;
  }

  /** @throws KappaError ERR_IO when the file cannot be opened. */
  static open(path: string): RecordReader {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      throw ioError(error, 'open', path);
    }
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      closeSync(fd);
      throw new KappaError('ERR_IO', `Could not read ${path}: it is not a regular file.`);
    }
    return new RecordReader(path, fd, stat.size);
  }

  /**
   * Reads the payload of the record at `offset`; parts split at an embedded magic are joined.
   * The result is a view that is valid until the next call on this reader.
   * @param readAhead bytes fetched at once: best as many as the record has, should somebody know
   * @throws KappaError ERR_DATA_CORRUPT when there is no whole record at `offset`.
   */
  readView(offset: number, readAhead = FIRST_READ_BYTES): Buffer {
    const first = this.#part(offset, offset, readAhead);
    if (first.flag === PART.whole) return this.#bytes(first.dataAt, first.length, offset);
    if (first.flag !== PART.first)
      throw this.#corrupt(offset, `a record cannot begin with a part of kind ${first.flag} (middle or last)`);
    return this.#join(first, offset);
  }

  /** Like {@link readView}, but the result is a copy of its own. */
  read(offset: number): Buffer {
    return Buffer.from(this.readView(offset));
  }

  /**
   * Reads the flag and labels of the record at `offset` and passes over its image.
   * @param readAhead bytes fetched at once: small for scattered records, large where records follow each other closely.
   */
  readHead(offset: number, readAhead = 64): RecordHead {
    const part = this.#part(offset, offset, readAhead);
    // A magic may stand within the header: such a record (there are next to none) is read whole.
    const whole = part.flag !== PART.whole;
    const payload = whole ? this.readView(offset) : undefined;
    const length = payload?.length ?? part.length;
    const bytes = (count: number) =>
      payload ? payload.subarray(0, count) : this.#bytes(part.dataAt, count, offset);
    if (length < RECORD_HEADER_BYTES)
      throw this.#corrupt(
        offset,
        `the payload has ${length} bytes, an image record's header alone needs ${RECORD_HEADER_BYTES}`,
      );
    const flag = bytes(RECORD_HEADER_BYTES).readUInt32LE(0);
    const labelsEnd = RECORD_HEADER_BYTES + 4 * flag;
    if (labelsEnd > length)
      throw this.#corrupt(
        offset,
        `the header announces ${flag} labels, but only ${length - RECORD_HEADER_BYTES} bytes follow`,
      );
    const head = bytes(labelsEnd);
    const labels: number[] = [];
    if (flag === 0) labels.push(head.readFloatLE(4));
    for (let at = RECORD_HEADER_BYTES; at < labelsEnd; at += 4) labels.push(head.readFloatLE(at));
    return { flag, labels, imageBytes: length - labelsEnd, end: whole ? this.endOf(offset) : part.end };
  }

  /**
   * The first label of the image record at `offset`, as fast as can be: for scans of millions of records.
   * @param readAhead see {@link readHead}
   * @returns undefined for anything but a whole image record in one part; {@link readHead} then tells what it is
   */
  labelAt(offset: number, readAhead: number): number | undefined {
    const fits = offset >= 0 && offset % 4 === 0 && offset + LABEL_BYTES <= this.size;
    if (!fits || this.#dialect === undefined) return undefined;
    if (offset < this.#bufferAt || offset + LABEL_BYTES > this.#bufferAt + this.#buffered)
      this.#bytes(offset, LABEL_BYTES, offset, readAhead);
    const [buffer, at] = [this.#buffer, offset - this.#bufferAt];
    if (buffer.readUInt32LE(at) !== this.#dialect.magic) return undefined;
    const lrec = buffer.readUInt32LE(at + 4);
    const length = partLength(lrec, this.#dialect);
    const labels = buffer.readUInt32LE(at + PART_HEADER_BYTES);
    const isWhole =
      partFlag(lrec, this.#dialect) === PART.whole && offset + PART_HEADER_BYTES + length <= this.size;
    if (!isWhole || RECORD_HEADER_BYTES + 4 * labels >= length) return undefined;
    return buffer.readFloatLE(at + PART_HEADER_BYTES + (labels === 0 ? 4 : RECORD_HEADER_BYTES));
  }

  /** Whether a whole record or the first part of one begins at `offset`; nothing behind its magic is looked at. */
  beginsRecord(offset: number): boolean {
    if (offset % 4 !== 0 || !(offset >= 0) || offset + PART_HEADER_BYTES > this.size) return false;
    const head = this.#bytes(offset, PART_HEADER_BYTES, offset, PART_HEADER_BYTES);
    const dialect = this.#dialect ?? dialectOfMagic(head.readUInt32LE(0));
    if (head.readUInt32LE(0) !== dialect?.magic) return false;
    return partFlag(head.readUInt32LE(4), dialect) <= PART.first;
  }

  /** Offset of the byte after the record at `offset`, found from its part headers alone. */
  endOf(offset: number): number {
    let part = this.#part(offset, offset, PART_HEADER_BYTES);
    if (part.flag === PART.whole) return part.end;
    while (part.flag !== PART.last) part = this.#nextPart(part, offset, PART_HEADER_BYTES);
    return part.end;
  }

  /** The descriptor is given back; further reads throw ERR_DISPOSED. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  /** Joins the parts of a split record. They are measured first: each costs more to hold than to write. */
  #join(first: RecordPart, record: number): Buffer {
    const dialect = this.#dialect!;
    let length = first.length;
    for (let part = first; part.flag !== PART.last; length += 4 + part.length)
      part = this.#nextPart(part, record, PART_HEADER_BYTES);
    if (length > maxPartLength(dialect))
      throw this.#corrupt(
        record,
        `its parts have ${length} bytes, but a record holds at most ${maxPartLength(dialect)}`,
      );
    const joined = Buffer.allocUnsafe(length);
    let at = this.#bytes(first.dataAt, first.length, record, FIRST_READ_BYTES).copy(joined);
    for (let part = first; part.flag !== PART.last;) {
      part = this.#nextPart(part, record, FIRST_READ_BYTES);
      at = joined.writeUInt32LE(dialect.magic, at);
      at += this.#bytes(part.dataAt, part.length, record, FIRST_READ_BYTES).copy(joined, at);
    }
    return joined;
  }

  #nextPart(before: RecordPart, record: number, readAhead: number): RecordPart {
    const part = this.#part(before.end, record, readAhead);
    if (part.flag !== PART.middle && part.flag !== PART.last)
      throw this.#corrupt(
        record,
        `a split record is followed by a part of kind ${part.flag} instead of 2 or 3`,
      );
    return part;
  }

  /** Parses the 8 bytes before a part's data. */
  #part(at: number, record: number, readAhead: number): RecordPart {
    if (!Number.isSafeInteger(at) || at < 0 || at % 4 !== 0 || at + PART_HEADER_BYTES > this.size)
      throw this.#corrupt(
        record,
        `a part should begin at byte ${at}, which is not a multiple of 4 below the file's ${this.size} bytes: the file is truncated, or the index belongs to another file`,
      );
    const head = this.#bytes(at, PART_HEADER_BYTES, record, readAhead);
    const magic = head.readUInt32LE(0);
    this.#dialect ??= dialectOfMagic(magic);
    if (this.#dialect === undefined || magic !== this.#dialect.magic)
      throw this.#corrupt(
        record,
        `no record begins at byte ${at} (found 0x${hex(magic)} instead of ${this.#dialect ? `0x${hex(this.#dialect.magic)}` : 'the RecordIO magic'}): the file is damaged, or the index belongs to another file`,
      );
    const lrec = head.readUInt32LE(4);
    const length = partLength(lrec, this.#dialect);
    const dataAt = at + PART_HEADER_BYTES;
    if (length > this.size - dataAt)
      throw this.#corrupt(
        record,
        `its length is given as ${length} bytes, but the file ends ${this.size - dataAt} bytes later: the file is truncated or damaged`,
      );
    return {
      flag: partFlag(lrec, this.#dialect),
      dataAt,
      length,
      end: Math.min(dataAt + length + ((4 - (length % 4)) % 4), this.size),
    };
  }

  /** Bytes [at, at + count) of the file, checked by the caller to lie within it, as a view of the buffer. */
  #bytes(at: number, count: number, record: number, readAhead = 0): Buffer {
    if (this.#closed)
      throw new KappaError('ERR_DISPOSED', `${this.path} was read after its reader had been closed.`);
    if (at < this.#bufferAt || at + count > this.#bufferAt + this.#buffered) {
      const wanted = Math.min(Math.max(count, readAhead), this.size - at);
      if (wanted > this.#buffer.length)
        this.#buffer = Buffer.allocUnsafeSlow(Math.max(wanted, FIRST_READ_BYTES));
      this.#bufferAt = at;
      this.#buffered = this.#fill(at, wanted, record);
      if (this.#buffered < count)
        throw this.#corrupt(
          record,
          `the file ended ${count - this.#buffered} bytes early: it became shorter`,
        );
    }
    return this.#buffer.subarray(at - this.#bufferAt, at - this.#bufferAt + count);
  }

  #fill(at: number, count: number, record: number): number {
    let done = 0;
    try {
      while (done < count) {
        const got = readSync(this.#fd, this.#buffer, done, count - done, at + done);
        if (got === 0) break;
        done += got;
      }
    } catch (error) {
      this.#buffered = 0;
      throw ioError(error, `read the record at byte ${record} of`, this.path);
    }
    return done;
  }

  #corrupt(record: number, why: string): KappaError {
    return new KappaError('ERR_DATA_CORRUPT', `${this.path}: record at byte ${record}: ${why}.`);
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
