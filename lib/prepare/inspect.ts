import { stat } from 'node:fs/promises';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { KappaError, ioError } from '../errors';
import { decodeInto, readImageSize } from '../image/decode';
import { FaceDataset } from '../data/face-dataset';
import type { FaceLayout } from '../data/layout/face-layout';
import { imageFormat } from '../image/format';
import { isSource } from '../data/sources/open';
import { readVerificationSet } from '../data/protocols/verification-set';

/** What {@link inspectData} looks at. */
export interface InspectOptions {
  /** Read and decode every image and list those that fail. @default false */
  scan?: boolean;
  /** Number of images, evenly spread, whose format and size are looked at. @default 200 */
  sampleImages?: number;
  signal?: AbortSignal;
  /** Called now and then while images are decoded. */
  onProgress?: (done: number, total: number) => void;
  /** Told what is worth a line, such as an index that had to be made anew. */
  onMessage?: (text: string) => void;
}

/** Formats and sizes of some images. */
export interface ImageSurvey {
  /** Number of images looked at. */
  images: number;
  /** Number of images of each format; `unreadable` for those that are none. */
  formats: Record<string, number>;
  /** Number of images of each size, as `widthxheight`. */
  sizes: Record<string, number>;
}

export interface CorruptImage {
  index: number;
  message: string;
}

interface CommonReport {
  path: string;
  images: number;
  survey: ImageSurvey;
  /** Damaged images (the first thousand) when all were decoded. */
  corrupt?: CorruptImage[];
  /** Number of damaged images when all were decoded. */
  numCorrupt?: number;
}

/** Classes with about as many images. */
export interface HistogramBin {
  /** Least and greatest number of images of a class, both inclusive. */
  from: number;
  to: number;
  classes: number;
  /** Images of these classes together. */
  images: number;
}

/** What {@link inspectData} tells of a training set. */
export interface DatasetReport extends CommonReport {
  kind: 'dataset';
  layout: FaceLayout;
  classes: number;
  /** Height and width as `property` says, or as they are looked for. */
  imageSize: [number, number];
  labels: { min: number; max: number };
  imagesPerClass: { min: number; median: number; mean: number; max: number };
  emptyClasses: number;
  /** Classes with just one image. */
  singletons: number;
  /** Classes with `from` to `to` images, and the images that they have together. */
  histogram: HistogramBin[];
}

/** What {@link inspectData} tells of a verification set. */
export interface VerificationReport extends CommonReport {
  kind: 'verification';
  name: string;
  pairs: number;
  same: number;
  different: number;
}

/** What {@link inspectData} tells, by kind. */
export type DataReport = DatasetReport | VerificationReport;

const MAX_LISTED = 1000;
const SLICE = 64;
const SIZE_OF_FACES: [number, number] = [112, 112];

/**
 * Looks at a data set (a folder, a record file or a list) or a verification set and says what is in it.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_IO where it cannot be opened at all
 */
export async function inspectData(path: string, options: InspectOptions = {}): Promise<DataReport> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw ioError(error, 'read', path);
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `There is nothing at ${path}. Expected a dataset folder (train.rec, train.idx, property; or images in a folder for each identity), a .rec or .lst file, or a verification set (lfw.bin and the like).`,
      { cause: error },
    );
  });
  return isSource(path, info) ? inspectDataset(path, options) : inspectVerificationSet(path, options);
}

async function inspectDataset(path: string, options: InspectOptions): Promise<DatasetReport> {
  const { onProgress, onMessage } = options;
  const dataset = await FaceDataset.open(path, { allowEmptyClasses: true, onProgress, onMessage });
  try {
    const counts = Uint32Array.from(dataset.samplesPerClass).sort();
    const read = (index: number) => dataset.read(index).image;
    const present = dataset.samplesPerClass.findIndex((count) => count > 0);
    return {
      kind: 'dataset',
      path,
      layout: dataset.layout,
      images: dataset.length,
      classes: dataset.numClasses,
      imageSize: dataset.imageSize,
      labels: { min: present, max: dataset.samplesPerClass.findLastIndex((count) => count > 0) },
      imagesPerClass: {
        min: counts[0]!,
        median: (counts[(counts.length - 1) >> 1]! + counts[counts.length >> 1]!) / 2,
        mean: dataset.length / dataset.numClasses,
        max: counts.at(-1)!,
      },
      emptyClasses: counts.filter((count) => count === 0).length,
      singletons: counts.filter((count) => count === 1).length,
      histogram: histogram(counts),
      survey: await survey(dataset.length, read, options.sampleImages),
      ...(options.scan && (await scan(dataset.length, read, dataset.imageSize, false, path, options))),
    };
  } finally {
    dataset.close();
  }
}

async function inspectVerificationSet(path: string, options: InspectOptions): Promise<VerificationReport> {
  const set = await readVerificationSet(path);
  const same = set.isSame.filter(Boolean).length;
  const read = (index: number) => set.images[index]!;
  return {
    kind: 'verification',
    path,
    name: set.name,
    images: set.images.length,
    pairs: set.isSame.length,
    same,
    different: set.isSame.length - same,
    survey: await survey(set.images.length, read, options.sampleImages),
    // Sets of other sizes are resized by the protocol, so their size is no damage.
    ...(options.scan && (await scan(set.images.length, read, SIZE_OF_FACES, true, path, options))),
  };
}

/** Classes counted in ranges 1, 2-3, 4-7, 8-15, ...; counts are sorted. */
function histogram(counts: Uint32Array): HistogramBin[] {
  const bins: HistogramBin[] = [];
  for (const count of counts) {
    if (count === 0) continue;
    const from = 2 ** (31 - Math.clz32(count));
    const last = bins.at(-1);
    if (last?.from === from) {
      last.classes++;
      last.images += count;
    } else bins.push({ from, to: 2 * from - 1, classes: 1, images: count });
  }
  return bins;
}

async function survey(length: number, read: (index: number) => Buffer, wanted = 200): Promise<ImageSurvey> {
  const images = Math.min(length, Math.max(1, wanted));
  const result: ImageSurvey = { images, formats: {}, sizes: {} };
  const count = (table: Record<string, number>, name: string) => (table[name] = (table[name] ?? 0) + 1);
  for (let i = 0; i < images; i++) {
    const found = await identify(() => read(Math.floor((i * length) / images)));
    count(result.formats, found?.format ?? 'unreadable');
    if (found) count(result.sizes, `${found.width}x${found.height}`);
  }
  return result;
}

async function identify(read: () => Buffer) {
  try {
    const image = read();
    const format = imageFormat(image);
    if (format === undefined) return undefined;
    const { width, height } = await readImageSize(image, 'image');
    return { format, width, height };
  } catch {
    return undefined;
  }
}

async function scan(
  length: number,
  read: (index: number) => Buffer,
  size: [number, number],
  resize: boolean,
  path: string,
  { onProgress, signal }: InspectOptions,
): Promise<{ corrupt: CorruptImage[]; numCorrupt: number }> {
  const out = new Uint8Array(size[0] * size[1] * 3);
  const corrupt: CorruptImage[] = [];
  let numCorrupt = 0;
  for (let index = 0; index < length; index++) {
    try {
      const waiting = decodeInto(read(index), out, { size, resize }, `${path}: image ${index}`);
      if (waiting) await waiting;
    } catch (error) {
      if (!(error instanceof KappaError) || error.code === 'ERR_IO') throw error;
      if (numCorrupt++ < MAX_LISTED) corrupt.push({ index, message: error.message });
    }
    if ((index + 1) % SLICE === 0) {
      onProgress?.(index + 1, length);
      await yieldToEvents();
      if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Looking at ${path} was interrupted.`);
    }
  }
  return { corrupt, numCorrupt };
}
