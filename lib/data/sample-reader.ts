import { KappaError } from '../errors';
import { unpackRecord } from './record-header';
import { RecordReader } from './record-reader';

/**
 * Where a dataset's samples are. Everything is plain or in shared memory, so that it can be posted to a worker thread
 * without being copied.
 */
export interface SampleTable {
  recPath: string;
  /** Size of the record file in bytes; another size later means that the file was replaced. */
  recSize: number;
  /** Height and width in pixels. */
  imageSize: [number, number];
  numClasses: number;
  /** Per sample: its key in the index, its byte offset and its class, 0 to numClasses - 1. */
  keys: Uint32Array;
  offsets: Float64Array;
  labels: Int32Array;
  /** In a subset: the label that stands in the file for each class; null where they are the same. */
  fileLabels: Int32Array | null;
}

/** One sample of a dataset. */
export interface Sample {
  label: number;
  /** The encoded image. */
  image: Buffer;
}

/** Reads a dataset's samples; each thread opens its own. */
export class SampleReader {
  readonly #table: SampleTable;
  readonly #records: RecordReader;

  private constructor(table: SampleTable, records: RecordReader) {
    this.#table = table;
    this.#records = records;
  }

  /** @throws KappaError ERR_IO, or ERR_DATA_CORRUPT when the file is not the one the table was made of */
  static open(table: SampleTable): SampleReader {
    const records = RecordReader.open(table.recPath);
    if (records.size !== table.recSize) {
      records.close();
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${table.recPath} changed while it was in use: it had ${table.recSize} bytes and now has ${records.size}. Open the dataset again.`,
      );
    }
    return new SampleReader(table, records);
  }

  /**
   * Reads a sample; its image is valid until the next read.
   * @param index 0 to the number of samples - 1
   * @throws KappaError ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_IO, with the sample's index and key
   */
  readView(index: number): Sample {
    const { keys, offsets, labels, fileLabels, recPath } = this.#table;
    const [key, offset, label] = [keys[index], offsets[index], labels[index]];
    if (key === undefined || offset === undefined || label === undefined)
      throw new KappaError('ERR_ARGUMENT', `There is no sample ${index}: ${recPath} has ${keys.length}.`);
    const where = `${recPath}: sample ${index} (key ${key}, record at byte ${offset})`;
    try {
      const record = unpackRecord(this.#records.readView(offset), where);
      checkLabel(record.labels[0]!, fileLabels ? fileLabels[label]! : label, where);
      if (record.image.length === 0)
        throw new KappaError('ERR_DATA_CORRUPT', `${where}: it holds no image; it may be a header record.`);
      return { label, image: record.image };
    } catch (error) {
      if (!(error instanceof KappaError) || error.message.startsWith(where)) throw error;
      throw new KappaError(error.code, `${error.message} (sample ${index}, key ${key})`, { cause: error });
    }
  }

  close(): void {
    this.#records.close();
  }
}

function checkLabel(found: number, expected: number, where: string): void {
  if (found === expected) return;
  if (!Number.isInteger(found))
    throw new KappaError('ERR_DATA_CORRUPT', `${where}: its label is ${found}, not an integer.`);
  throw new KappaError(
    'ERR_DATA_CORRUPT',
    `${where}: its own label is ${found}, but the index of identities puts it into class ${expected}. The record is mislabelled, or train.idx belongs to another train.rec.`,
  );
}
