import { KappaError } from '../errors';
import { decodeInto } from '../image/decode';
import { unpackRecord } from '../data/recordio/header';
import { RecordReader } from '../data/recordio/reader';

/** What every record of a file is held against. */
export interface RecordRules {
  recPath: string;
  /** Height and width that images must have. */
  imageSize: [number, number];
  numClasses: number;
  /** Accept images of other sizes, as training with resizing does. */
  anySize: boolean;
}

/** A record to check. */
export interface RecordEntry {
  key: number;
  /** Byte offset of its magic. */
  offset: number;
  /** The class that the identity records put it into; undefined where they do not tell. */
  label?: number;
  /** An identity record of the face2rec2 layout: it holds a range of keys and no image. */
  isIdentity: boolean;
}

/** How a record was found: where it ends (NaN where that cannot be told), and what is wrong with it. */
export interface RecordFinding {
  end: number;
  reason?: string;
}

/** Checks records of one file: structure, header, label, and that the image decodes in full and has the right size. */
export class RecordChecker {
  readonly #rules: RecordRules;
  readonly #records: RecordReader;
  readonly #pixels: Uint8Array;

  /** @throws KappaError ERR_IO */
  constructor(rules: RecordRules) {
    this.#rules = rules;
    this.#records = RecordReader.open(rules.recPath);
    this.#pixels = new Uint8Array(rules.imageSize[0] * rules.imageSize[1] * 3);
  }

  /** @throws KappaError ERR_IO where the disk is to blame, not the record */
  async check(entry: RecordEntry): Promise<RecordFinding> {
    let end = NaN;
    try {
      end = this.#records.endOf(entry.offset);
      await this.#checkPayload(this.#records.readView(entry.offset), entry);
      return { end };
    } catch (error) {
      if (!(error instanceof KappaError) || error.code === 'ERR_IO' || error.code === 'ERR_DISPOSED')
        throw error;
      return { end, reason: error.message.replace(`${this.#rules.recPath}: `, '') };
    }
  }

  close(): void {
    this.#records.close();
  }

  async #checkPayload(
    payload: Buffer,
    { key, offset, label: expected, isIdentity }: RecordEntry,
  ): Promise<void> {
    const { numClasses, imageSize, anySize } = this.#rules;
    const where = `record at byte ${offset}`;
    const bad = (why: string) => new KappaError('ERR_DATA_CORRUPT', `${where}: ${why}.`);
    const { flag, labels, image } = unpackRecord(payload, where);
    const label = labels[0]!;
    if (isIdentity) {
      if (flag !== 2 || image.length > 0)
        throw bad('an identity record was expected, with two labels and no image');
      if (!(labels[1]! >= label && label >= 1)) throw bad(`its range of images is [${labels.join(', ')})`);
      return;
    }
    if (image.length === 0) throw bad('it holds no image');
    if (!Number.isInteger(label)) throw bad(`its label is ${label}, not a whole number`);
    if (label < 0 || label >= numClasses)
      throw bad(`its label is ${label}, but classes are 0 to ${numClasses - 1}`);
    if (expected !== undefined && label !== expected)
      throw bad(`its label is ${label}, but the identity records put image ${key} into class ${expected}`);
    await decodeInto(image, this.#pixels, { size: imageSize, resize: anySize }, where);
  }
}
