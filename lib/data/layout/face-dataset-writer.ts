import { rm } from 'node:fs/promises';
import path from 'node:path';
import { argumentError, ioError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';
import { CLASSES_FILE, formatClassNames } from './class-names';
import { formatProperty } from './property';
import type { RecordDialectName } from '../recordio/dialect';
import { packRecord } from '../recordio/header';
import { RecordWriter } from '../recordio/writer';

/** What a {@link FaceDatasetWriter} writes. */
export interface FaceDatasetWriterOptions {
  /** Height and width in pixels, as `property` gives them. @default [112, 112] */
  imageSize?: [number, number];
  /** The coding of the record file, see recordio/dialect.ts. @default 'dmlc' */
  dialect?: RecordDialectName;
}

/** What {@link writeFaceDataset} writes, and what it tells. */
export interface WriteFaceDatasetOptions extends FaceDatasetWriterOptions {
  /** The identities' names in the order of their classes, kept in `classes.json`. */
  names?: readonly string[];
  /** Called after each identity. */
  onProgress?: (identities: number, images: number) => void;
}

/**
 * Writes a dataset in insightface's face2rec2 layout (train.rec, train.idx, property), image by image: a header record,
 * the images grouped by identity, then one record per identity with the range of its images. Class c is the c-th
 * identity. `property` is written last, so that a dataset that was interrupted is seen to be incomplete.
 */
export class FaceDatasetWriter {
  readonly #root: string;
  readonly #imageSize: [number, number];
  readonly #writer: RecordWriter;
  readonly #firstImage: number[] = [];
  #key = 1;

  private constructor(root: string, imageSize: [number, number], writer: RecordWriter) {
    this.#root = root;
    this.#imageSize = imageSize;
    this.#writer = writer;
  }

  /** @throws KappaError ERR_IO */
  static async create(root: string, options: FaceDatasetWriterOptions = {}): Promise<FaceDatasetWriter> {
    const { imageSize = [112, 112], dialect } = options;
    const [rec, idx] = [path.join(root, 'train.rec'), path.join(root, 'train.idx')];
    const writer = await RecordWriter.create(rec, idx, { dialect });
    try {
      await writer.write(0, headerPayload([0, 0], 0));
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return new FaceDatasetWriter(root, imageSize, writer);
  }

  get numClasses(): number {
    return this.#firstImage.length;
  }

  get numImages(): number {
    return this.#key - 1;
  }

  /** Begins the next identity. @throws KappaError ERR_ARGUMENT where the one before has no image */
  beginIdentity(): void {
    this.#mustHaveImages();
    this.#firstImage.push(this.#key);
  }

  /**
   * Appends an encoded image of the identity begun last.
   * @param aligned the second label: 1 for an aligned face, 0 for another. @default 1
   * @throws KappaError ERR_ARGUMENT, ERR_IO
   */
  async add(image: Buffer, aligned: 0 | 1 = 1): Promise<void> {
    const label = this.#firstImage.length - 1;
    if (label < 0) throw argumentError('identities', 'an identity before its images', this.#firstImage);
    if (image.length === 0) throw argumentError(`identities[${label}]`, 'encoded images', image);
    await this.#writer.write(this.#key, packRecord({ label: [label, aligned], id: this.#key, image }));
    this.#key++;
  }

  /**
   * Writes the identity records and gives the files their final names.
   * @param names the classes' names, kept in `classes.json`
   * @throws KappaError ERR_ARGUMENT, ERR_IO; nothing new stands under the final names then
   */
  async close(names?: readonly string[]): Promise<{ numClasses: number; numImages: number }> {
    this.#mustHaveImages();
    const { numClasses, numImages } = this;
    if (numClasses === 0) throw argumentError('identities', 'at least one identity', this.#firstImage);
    if (names !== undefined && names.length !== numClasses)
      throw argumentError('names', `${numClasses} names`, names);
    for (let c = 0; c < numClasses; c++) {
      const end = this.#firstImage[c + 1] ?? numImages + 1;
      await this.#writer.write(this.#key, headerPayload([this.#firstImage[c]!, end], this.#key));
      this.#key++;
    }
    await this.#writer.rewriteFirst(headerPayload([numImages + 1, this.#key], 0));
    const [property, classes] = [path.join(this.#root, 'property'), path.join(this.#root, CLASSES_FILE)];
    // Those of an older dataset must not stand beside the new records.
    for (const file of [property, classes])
      await rm(file, { force: true }).catch((error: unknown) => {
        throw ioError(error, 'replace', file);
      });
    await this.#writer.close();
    if (names !== undefined)
      await writeFileAtomically(classes, (file) => file.writeFile(formatClassNames(names)));
    const text = formatProperty({ numClasses, imageSize: this.#imageSize });
    await writeFileAtomically(property, (file) => file.writeFile(text));
    return { numClasses, numImages };
  }

  /** Removes what was written. Does nothing after {@link close} or a second time. */
  async abort(): Promise<void> {
    await this.#writer.abort();
  }

  #mustHaveImages(): void {
    const last = this.#firstImage.length - 1;
    if (last >= 0 && this.#firstImage[last] === this.#key)
      throw argumentError(`identities[${last}]`, 'at least one image', []);
  }
}

/**
 * Writes a dataset in insightface's face2rec2 layout, see {@link FaceDatasetWriter}.
 * @param identities the encoded images of each identity, at least one each.
 * @throws KappaError ERR_ARGUMENT, ERR_IO; nothing new stands under the final names then.
 */
export async function writeFaceDataset(
  root: string,
  identities: Iterable<Buffer[]> | AsyncIterable<Buffer[]>,
  options: WriteFaceDatasetOptions = {},
): Promise<{ numClasses: number; numImages: number }> {
  const { onProgress, names, ...writerOptions } = options;
  const writer = await FaceDatasetWriter.create(root, writerOptions);
  try {
    for await (const images of identities) {
      writer.beginIdentity();
      for (const image of images) await writer.add(image);
      onProgress?.(writer.numClasses, writer.numImages);
    }
    return await writer.close(names);
  } finally {
    await writer.abort();
  }
}

function headerPayload(labels: [number, number], id: number): Buffer {
  return packRecord({ label: labels, id, image: Buffer.alloc(0) });
}
