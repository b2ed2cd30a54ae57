import { stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, argumentError, ioError } from '../errors';
import { readFaceRecords, type FaceLayout, type FaceRecords } from './face-layout';
import { datasetStamp } from './label-cache';
import { readProperty } from './property';
import { readRecordIndex } from './record-index';
import { RecordReader } from './record-reader';
import { SampleReader, type Sample, type SampleTable } from './sample-reader';

export interface FaceDatasetOptions {
  /** The expected number of classes; stands in for a missing `property` file. */
  numClasses?: number;
  /** Keep only these classes: the first so many, or a list. They are renumbered 0, 1, ... in that order. */
  identities?: number | readonly number[];
  /** Keep at most so many images of each class, those with the lowest keys. */
  imagesPerIdentity?: number;
  /** Accept classes without images. @default false */
  allowEmptyClasses?: boolean;
  /** Remember scanned labels in `train.rec.kappa-index`. @default true */
  cache?: boolean;
  /** Called now and then while headers are scanned (im2rec layout). */
  onProgress?: (done: number, total: number) => void;
  /** @internal where float32 stops being exact; smaller in tests only. */
  exactLimit?: number;
}

const LAYOUT_HELP =
  'A dataset is a folder with train.rec, train.idx and property, as insightface distributes them ' +
  '(https://github.com/deepinsight/insightface/tree/master/recognition/_datasets_)';

/** A face dataset in insightface's layout: images in a RecordIO file, each with the class of its identity. */
export class FaceDataset {
  readonly root: string;
  readonly layout: FaceLayout;
  /** Number of images of each class. */
  readonly samplesPerClass: Uint32Array;
  /** Where the samples are; can be posted to worker threads without being copied. */
  readonly table: SampleTable;
  readonly #reader: SampleReader;

  private constructor(root: string, layout: FaceLayout, table: SampleTable) {
    this.root = root;
    this.layout = layout;
    this.table = table;
    this.samplesPerClass = countLabels(table.labels, table.numClasses);
    this.#reader = SampleReader.open(table);
  }

  /**
   * Opens a dataset. No image is decoded: images per class come from the identity records (face2rec2 layout) or from
   * one scan of the headers, remembered in a file beside `train.rec` (im2rec layout).
   * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_CONFIG, ERR_IO
   */
  static async open(root: string, options: FaceDatasetOptions = {}): Promise<FaceDataset> {
    const [recPath, idxPath] = [path.join(root, 'train.rec'), path.join(root, 'train.idx')];
    await mustExist(root, recPath, idxPath);
    const property = await readProperty(path.join(root, 'property'));
    const numClasses = property?.numClasses ?? options.numClasses;
    if (numClasses === undefined)
      throw new KappaError(
        'ERR_DATA_NOT_FOUND',
        `${root} has no file "property". ${LAYOUT_HELP}; property is one line "classes,112,112".`,
      );
    if (options.numClasses !== undefined && options.numClasses !== numClasses)
      throw new KappaError(
        'ERR_CONFIG',
        `${options.numClasses} classes were expected, but ${path.join(root, 'property')} says ${numClasses}.`,
      );
    const index = await readRecordIndex(idxPath);
    const records = RecordReader.open(recPath);
    try {
      const stamp = options.cache === false ? undefined : await datasetStamp(recPath, idxPath);
      const found = await readFaceRecords(records, index, { ...options, stamp });
      checkLabels(found, numClasses, recPath, options.allowEmptyClasses ?? false);
      const imageSize = property?.imageSize ?? [112, 112];
      const table = buildTable(found, { recPath, recSize: records.size, imageSize, numClasses }, options);
      return new FaceDataset(root, found.layout, table);
    } finally {
      records.close();
    }
  }

  /** Number of images. */
  get length(): number {
    return this.table.labels.length;
  }

  get numClasses(): number {
    return this.table.numClasses;
  }

  /** Height and width of the images in pixels. */
  get imageSize(): [number, number] {
    return this.table.imageSize;
  }

  /** The class of each sample, in the order of the samples. Not to be changed. */
  get labels(): Int32Array {
    return this.table.labels;
  }

  /**
   * Reads a sample. @param index 0 to length - 1: the position among the images in ascending key order.
   * @throws KappaError ERR_ARGUMENT, ERR_DATA_CORRUPT, ERR_IO
   */
  read(index: number): Sample {
    const { label, image } = this.#reader.readView(index);
    return { label, image: Buffer.from(image) };
  }

  /** Gives the file back. May be called twice. */
  close(): void {
    this.#reader.close();
  }
}

async function mustExist(root: string, ...files: string[]): Promise<void> {
  for (const file of [root, ...files])
    try {
      await stat(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw ioError(error, 'read', file);
      const what =
        file === root ? `There is no folder ${root}` : `${root} has no file "${path.basename(file)}"`;
      throw new KappaError('ERR_DATA_NOT_FOUND', `${what}. ${LAYOUT_HELP}.`, { cause: error });
    }
}

/** Every label must be a class, and every class should have an image. */
function checkLabels(found: FaceRecords, numClasses: number, recPath: string, allowEmpty: boolean): void {
  const { labels, keys } = found;
  let [min, max] = [0, 0];
  labels.forEach((label, i) => {
    if (label > labels[max]!) max = i;
    if (label < labels[min]!) min = i;
  });
  const highest = labels[max]!;
  const range = (why: string) => new KappaError('ERR_LABEL_RANGE', `${recPath}: ${why}`);
  const oneBased =
    'Labels must count from 0: write the dataset again with every label one lower (or read it as it is with a property of one class more and empty classes allowed).';
  if (highest >= numClasses && labels[min]! >= 1 && highest === numClasses)
    throw range(
      `the labels run from ${labels[min]} to ${highest} for ${numClasses} classes, so they count from 1. ${oneBased}`,
    );
  if (highest >= numClasses || (found.numIdentities ?? 0) > numClasses)
    throw range(
      `there are more classes than property says: ${highest >= numClasses ? `record ${keys[max]} has label ${highest}` : `there are ${found.numIdentities} identity records`}, but property says ${numClasses} classes (labels 0 to ${numClasses - 1}). Correct property, or take the file that belongs to it.`,
    );
  if (allowEmpty) return;
  const counts = countLabels(labels, numClasses);
  const hole = counts.indexOf(0);
  if (hole === -1) return;
  const holes = counts.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0);
  throw range(
    `${holes} of ${numClasses} classes have no image, the first of them class ${hole}. ` +
      (hole === 0 && holes === 1
        ? `Perhaps the labels count from 1. ${oneBased}`
        : 'Number the labels without gaps, correct property, or allow empty classes.'),
  );
}

type TableFacts = Pick<SampleTable, 'recPath' | 'recSize' | 'imageSize' | 'numClasses'>;

/** Puts the wanted samples into shared memory. */
function buildTable(found: FaceRecords, facts: TableFacts, options: FaceDatasetOptions): SampleTable {
  const { identities, imagesPerIdentity = Infinity } = options;
  const kept = keptClasses(identities, facts.numClasses);
  if (!(imagesPerIdentity >= 1))
    throw argumentError('imagesPerIdentity', 'a number of at least 1', imagesPerIdentity);
  const classOf = kept && new Int32Array(facts.numClasses).fill(-1);
  kept?.forEach((label, i) => (classOf![label] = i));
  const taken = new Uint32Array(facts.numClasses);
  const wanted = (label: number) => (!classOf || classOf[label] !== -1) && taken[label]! < imagesPerIdentity;
  let length = 0;
  for (const label of found.labels)
    if (wanted(label)) {
      taken[label]!++;
      length++;
    }
  if (length === 0) throw argumentError('identities', 'classes that have images', identities);
  const keys = new Uint32Array(new SharedArrayBuffer(4 * length));
  const offsets = new Float64Array(new SharedArrayBuffer(8 * length));
  const labels = new Int32Array(new SharedArrayBuffer(4 * length));
  taken.fill(0);
  let at = 0;
  found.labels.forEach((label, i) => {
    if (!wanted(label)) return;
    taken[label]!++;
    keys[at] = found.keys[i]!;
    offsets[at] = found.offsets[i]!;
    labels[at++] = classOf ? classOf[label]! : label;
  });
  const fileLabels = kept ? new Int32Array(new SharedArrayBuffer(4 * kept.length)) : null;
  if (kept) fileLabels!.set(kept);
  return { ...facts, numClasses: kept?.length ?? facts.numClasses, keys, offsets, labels, fileLabels };
}

function keptClasses(identities: FaceDatasetOptions['identities'], numClasses: number): Int32Array | null {
  if (identities === undefined) return null;
  const expected = `a number from 1 to ${numClasses} or a list of distinct classes below ${numClasses}`;
  const list = typeof identities === 'number' ? Array.from({ length: identities }, (_, i) => i) : identities;
  const fits = (label: number) => Number.isInteger(label) && label >= 0 && label < numClasses;
  if (list.length === 0 || !list.every(fits) || new Set(list).size !== list.length)
    throw argumentError('identities', expected, identities);
  return Int32Array.from(list);
}

function countLabels(labels: Int32Array, numClasses: number): Uint32Array {
  const counts = new Uint32Array(numClasses);
  for (const label of labels) counts[label]!++;
  return counts;
}
