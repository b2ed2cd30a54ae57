import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, argumentError, ioError } from '../../errors';
import { partialPath } from '../../files/atomic-file';
import { syncFile } from '../../files/sync-file';
import {
  PART,
  RECORD_DIALECTS,
  encodePart,
  maxPartLength,
  type RecordDialect,
  type RecordDialectName,
} from './dialect';

const FLUSH_BYTES = 1 << 20;

/**
 * Writes a RecordIO file and its index. Both are written under temporary names and renamed by {@link close}, so that
 * a process killed on the way leaves nothing under the final names. Writes must be awaited one by one.
 */
export class RecordWriter {
  readonly #recPath: string;
  readonly #idxPath: string;
  readonly #recPartial: string;
  readonly #idxPartial: string;
  readonly #dialect: RecordDialect;
  #rec: FileHandle;
  #idx: FileHandle;
  #pendingRec: Buffer[] = [];
  #pendingIdx: string[] = [];
  #pendingBytes = 0;
  #offset = 0;
  #first: { key: number; length: number } | undefined;
  #open = true;

  private constructor(
    paths: { rec: string; idx: string; recPartial: string; idxPartial: string },
    files: { rec: FileHandle; idx: FileHandle },
    dialect: RecordDialect,
  ) {
    this.#recPath = paths.rec;
    this.#idxPath = paths.idx;
    this.#recPartial = paths.recPartial;
    this.#idxPartial = paths.idxPartial;
    this.#rec = files.rec;
    this.#idx = files.idx;
    this.#dialect = dialect;
  }

  /**
   * Begins a pair of files; the folder is made where it is missing.
   * @param options.dialect the coding of the words before each record, see {@link RECORD_DIALECTS}.
   * @throws KappaError ERR_IO
   */
  static async create(
    recPath: string,
    idxPath: string,
    options: { dialect?: RecordDialectName } = {},
  ): Promise<RecordWriter> {
    const paths = {
      rec: recPath,
      idx: idxPath,
      recPartial: partialPath(recPath),
      idxPartial: partialPath(idxPath),
    };
    try {
      await mkdir(path.dirname(recPath), { recursive: true });
      const rec = await open(paths.recPartial, 'wx');
      try {
        const idx = await open(paths.idxPartial, 'wx');
        return new RecordWriter(paths, { rec, idx }, RECORD_DIALECTS[options.dialect ?? 'dmlc']);
      } catch (error) {
        await rec.close();
        await rm(paths.recPartial, { force: true });
        throw error;
      }
    } catch (error) {
      throw ioError(error, 'create', recPath);
    }
  }

  /**
   * Appends a record. @param key its key in the index, 0 to 2^32 - 1, never used twice.
   * @throws KappaError ERR_ARGUMENT, ERR_IO (everything written is removed then)
   */
  async write(key: number, payload: Buffer): Promise<void> {
    this.#mustBeOpen();
    if (!Number.isInteger(key) || key < 0 || key > 0xffffffff)
      throw argumentError('key', 'an integer from 0 to 4294967295', key);
    const parts = splitPayload(payload, this.#dialect);
    this.#first ??= { key, length: payload.length };
    this.#pendingIdx.push(`${key}\t${this.#offset}\n`);
    for (const part of parts) {
      this.#pendingRec.push(Buffer.from(part)); // a copy: the caller may reuse its buffer
      this.#pendingBytes += part.length;
      this.#offset += part.length;
    }
    if (this.#pendingBytes >= FLUSH_BYTES) await this.#flush();
  }

  /**
   * Writes the first record anew, at the same length: a header record whose counts are known only at the end.
   * @throws KappaError ERR_ARGUMENT when the length differs or the payload would have to be split.
   */
  async rewriteFirst(payload: Buffer): Promise<void> {
    this.#mustBeOpen();
    const parts = splitPayload(payload, this.#dialect);
    if (
      this.#first?.length !== payload.length ||
      parts[0]!.readUInt32LE(4) >>> this.#dialect.flagShift !== PART.whole
    )
      throw argumentError('payload', `an unsplit payload of ${this.#first?.length} bytes`, payload);
    await this.#flush();
    try {
      await writeAll(this.#rec, Buffer.concat(parts), 0);
    } catch (error) {
      await this.abort();
      throw ioError(error, 'write', this.#recPath);
    }
  }

  /** Syncs both files and gives them their final names. @throws KappaError ERR_IO (both are removed then) */
  async close(): Promise<void> {
    this.#mustBeOpen();
    await this.#flush();
    try {
      for (const file of [this.#rec, this.#idx]) await syncFile(file);
      for (const file of [this.#rec, this.#idx]) await file.close();
      // An older index must not stand beside the new records, not even for a moment.
      await rm(this.#idxPath, { force: true });
      await rename(this.#recPartial, this.#recPath);
      await rename(this.#idxPartial, this.#idxPath);
      this.#open = false;
    } catch (error) {
      await this.abort();
      throw ioError(error, 'write', this.#recPath);
    }
  }

  /** Removes what was written. Does nothing after {@link close} or a second time. */
  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#pendingRec = [];
    for (const file of [this.#rec, this.#idx]) await file.close().catch(() => undefined);
    for (const partial of [this.#recPartial, this.#idxPartial]) await rm(partial, { force: true });
  }

  async #flush(): Promise<void> {
    const [rec, idx] = [Buffer.concat(this.#pendingRec), Buffer.from(this.#pendingIdx.join(''))];
    this.#pendingRec = [];
    this.#pendingIdx = [];
    this.#pendingBytes = 0;
    try {
      await writeAll(this.#rec, rec, this.#offset - rec.length);
      await writeAll(this.#idx, idx, null);
    } catch (error) {
      await this.abort();
      throw ioError(error, 'write', this.#recPath);
    }
  }

  #mustBeOpen(): void {
    if (!this.#open)
      throw new KappaError('ERR_DISPOSED', `${this.#recPath} was written after its writer had been closed.`);
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number | null): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const at = position === null ? null : position + done;
    done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten;
  }
}

/** The parts of one record, ready to be written: headers, data, padding. */
function splitPayload(payload: Buffer, dialect: RecordDialect): Buffer[] {
  if (payload.length > maxPartLength(dialect))
    throw argumentError('payload', `at most ${maxPartLength(dialect)} bytes`, payload.length);
  const out: Buffer[] = [];
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(dialect.magic, 0);
  let from = 0;
  for (let at = payload.indexOf(magic); at !== -1; at = payload.indexOf(magic, at + 1)) {
    if (at % 4 !== 0) continue;
    out.push(
      encodePart(from === 0 ? PART.first : PART.middle, at - from, dialect),
      payload.subarray(from, at),
    );
    from = at + 4;
  }
  const rest = payload.length - from;
  out.push(encodePart(from === 0 ? PART.whole : PART.last, rest, dialect), payload.subarray(from));
  if (rest % 4 !== 0) out.push(Buffer.alloc(4 - (rest % 4)));
  return out;
}
