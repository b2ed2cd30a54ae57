import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { KappaError, ioError } from '../errors';
import { unpackImage } from './recordio/header';
import { RecordReader } from './recordio/reader';
import {
  describeSample,
  pathAt,
  sourceOf,
  type FileStore,
  type RecordStore,
  type SampleTable,
} from './sample-table';

/** One sample of a dataset. */
export interface Sample {
  label: number;
  /** The encoded image. */
  image: Buffer;
}

// An encoded face is some kilobytes, a photograph some megabytes; anything larger is no image.
const MAX_FILE_BYTES = 256 << 20;
// Behind a larger gap lies something else than the record.
const MAX_EXPECTED_BYTES = 64 << 10;

/** Reads a dataset's samples; each thread opens its own. */
export class SampleReader {
  readonly #table: SampleTable;
  /** The record file of each source, opened when its first sample is read. */
  readonly #records: (RecordReader | undefined)[] = [];
  #closed = false;

  private constructor(table: SampleTable) {
    this.#table = table;
  }

  /** @throws KappaError ERR_IO, or ERR_DATA_CORRUPT when a record file is not the one the table was made of */
  static open(table: SampleTable): SampleReader {
    const reader = new SampleReader(table);
    try {
      table.sources.forEach(({ store }, s) => {
        if (store.kind === 'records') reader.#records[s] = openRecords(store);
      });
    } catch (error) {
      reader.close();
      throw error;
    }
    return reader;
  }

  /**
   * Reads a sample; its image is valid until the next read.
   * @param index 0 to the number of samples - 1
   * @throws KappaError ERR_DATA_CORRUPT, ERR_IO, with the sample's index and place
   */
  readView(index: number): Sample {
    const { offsets, labels, sources } = this.#table;
    const [offset, label] = [offsets[index], labels[index]];
    if (offset === undefined || label === undefined)
      throw new KappaError(
        'ERR_ARGUMENT',
        `There is no sample ${index}: the dataset has ${labels.length} (0 to ${labels.length - 1}).`,
      );
    if (this.#closed) throw new KappaError('ERR_DISPOSED', 'A dataset was read after it had been closed.');
    const s = sourceOf(this.#table, index);
    const { store, classOf } = sources[s]!;
    if (store.kind === 'files') return { label, image: readImageFile(this.#table, store, index) };
    return { label, image: this.#readRecord(this.#records[s]!, offset, label, index, classOf) };
  }

  close(): void {
    this.#closed = true;
    for (const records of this.#records) records?.close();
  }

  #readRecord(
    records: RecordReader,
    offset: number,
    label: number,
    index: number,
    classOf: Int32Array | null,
  ): Buffer {
    const where = () => describeSample(this.#table, index);
    let payload: Buffer;
    try {
      payload = records.readView(offset, this.#expectedBytes(index, offset));
    } catch (error) {
      if (!(error instanceof KappaError)) throw error;
      const key = this.#table.keys[index];
      throw new KappaError(error.code, `${error.message} (sample ${index}, key ${key})`, { cause: error });
    }
    const { label: own, image } = unpackImage(payload, where);
    if ((classOf ? classOf[own] : own) !== label)
      throw new KappaError('ERR_DATA_CORRUPT', `${where()}: ${labelProblem(own, label, classOf)}.`);
    if (image.length === 0)
      throw new KappaError('ERR_DATA_CORRUPT', `${where()}: it holds no image; it may be a header record.`);
    return image;
  }

  /** Where the next sample's record begins, this one's usually ends; undefined where that says nothing. */
  #expectedBytes(index: number, offset: number): number | undefined {
    const bytes = (this.#table.offsets[index + 1] ?? 0) - offset;
    return bytes > 0 && bytes <= MAX_EXPECTED_BYTES ? bytes : undefined;
  }
}

function openRecords(store: RecordStore): RecordReader {
  const records = RecordReader.open(store.path);
  if (records.size === store.size) return records;
  records.close();
  throw new KappaError(
    'ERR_DATA_CORRUPT',
    `${store.path} changed while it was in use: it had ${store.size} bytes and now has ${records.size}. Open the dataset again.`,
  );
}

function labelProblem(own: number, label: number, classOf: Int32Array | null): string {
  if (!Number.isInteger(own)) return `its label is ${own}, not an integer`;
  const expected = classOf ? classOf.indexOf(label) : label;
  return `its own label is ${own}, but the index of identities puts it into class ${expected}. The record is mislabelled, or train.idx belongs to another train.rec`;
}

function readImageFile(table: SampleTable, store: FileStore, index: number): Buffer {
  const file = path.resolve(store.root, pathAt(store, table.offsets[index]!));
  const bad = (why: string, cause?: unknown) =>
    new KappaError('ERR_DATA_CORRUPT', `${describeSample(table, index)}: ${why}.`, { cause });
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw bad('it is not a regular file');
    if (stat.size === 0) throw bad('the file is empty');
    if (stat.size > MAX_FILE_BYTES) throw bad(`the file has ${stat.size} bytes, it cannot be a face image`);
    const image = Buffer.allocUnsafe(stat.size);
    for (let done = 0; done < image.length;) {
      const got = readSync(fd, image, done, image.length - done, done);
      if (got === 0) throw bad('the file became shorter while it was read');
      done += got;
    }
    return image;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw bad(`there is no file ${file}`, error);
    throw ioError(error, 'read', file);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
