import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { KappaError } from '../../errors';
import { readLabelCache, writeLabelCache } from './label-cache';
import type { RecordIndex } from '../recordio/index-file';
import type { RecordHead, RecordReader } from '../recordio/reader';

export type RecordLayout = 'face2rec2' | 'im2rec';

/** How a dataset keeps its samples: in a record file, as files in folders or by a list, or (several sources) in several ways. */
export type FaceLayout = RecordLayout | 'folder' | 'list' | 'mixed';

/** A dataset's image records in ascending key order, with the labels that the file gives them. */
export interface FaceRecords {
  layout: RecordLayout;
  /** Number of identity records (face2rec2) or undefined. */
  numIdentities?: number;
  keys: Uint32Array;
  offsets: Float64Array;
  labels: Int32Array;
}

export interface LayoutOptions {
  /** Integers above this may have been rounded where float32 stands. @default 2^24 */
  exactLimit?: number;
  /** What identifies the files to the sidecar cache; no cache without it. */
  stamp?: string;
  /** Called now and then while headers are scanned. */
  onProgress?: (done: number, total: number) => void;
  /** Ends a scan of headers with ERR_CANCELLED. */
  signal?: AbortSignal;
}

const SCAN_AHEAD = 64 * 1024;
// A pause for the event loop after so many headers (some 10 ms).
const SCAN_SLICE = 4096;
const SCAN_STRETCH = 256 * 1024;
const MAX_BYTES_READ_PER_HEADER = 32 * 1024;
const MAX_CHECKED_IDENTITIES = 1000;

/**
 * Finds a record file's images and their labels, from the headers alone.
 *
 * Record 0 of the face2rec2 layout holds the label pair [N+1, N+1+C] and no image; the records N+1 to N+C then hold a
 * key range per identity, and no image needs to be touched. Everything else is the im2rec layout: every record is an
 * image, and every header is read once, then remembered beside the file.
 * @throws KappaError ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_IO
 */
export async function readFaceRecords(
  records: RecordReader,
  index: RecordIndex,
  options: LayoutOptions = {},
): Promise<FaceRecords> {
  const head = index.keys[0] === 0 ? records.readHead(index.offsets[0]!, SCAN_AHEAD) : undefined;
  if (head !== undefined && head.imageBytes === 0) return readFace2rec2(records, index, head, options);
  const labels = await cachedLabels(records, options, index.keys.length, () =>
    scanLabels(records, index.keys, index.offsets, options),
  );
  return { layout: 'im2rec', keys: index.keys, offsets: index.offsets, labels };
}

async function readFace2rec2(
  records: RecordReader,
  index: RecordIndex,
  header: RecordHead,
  options: LayoutOptions,
): Promise<FaceRecords> {
  const { exactLimit = 2 ** 24 } = options;
  const corrupt = (why: string) => new KappaError('ERR_DATA_CORRUPT', `${records.path}: ${why}`);
  const numRecords = index.keys.length;
  // Sorted, distinct and beginning with 0: they are 0, 1, 2, ... unless the last one is too large.
  const hole = index.keys.findIndex((key, i) => key !== i);
  if (hole !== -1)
    throw corrupt(
      `the index has no record ${hole} though later ones exist; train.idx is incomplete or belongs to another train.rec.`,
    );
  const firstIdentity = findFirstIdentity(records, index, header, exactLimit, corrupt);
  const [numImages, numIdentities] = [firstIdentity - 1, numRecords - firstIdentity];
  const keys = index.keys.subarray(1, firstIdentity);
  const offsets = index.offsets.subarray(1, firstIdentity);

  const scan = async () => {
    const ranges = readRanges(records, index, firstIdentity, exactLimit, corrupt);
    const classes = identityClasses(records, index, ranges, exactLimit);
    const labels = new Int32Array(numImages).fill(-1);
    for (let identity = 0; identity < numIdentities; identity++) {
      const [from, end] = [ranges[2 * identity]!, Math.min(ranges[2 * identity + 1]!, exactLimit)];
      for (let key = from; key < end; key++) {
        if (labels[key - 1] !== -1)
          throw corrupt(
            `image ${key} belongs to two identities: identity record ${firstIdentity + identity} overlaps an earlier one.`,
          );
        labels[key - 1] = classes[identity]!;
      }
    }
    // Beyond the exact integers of float32 the ranges are rounded; the images themselves know better.
    const exactImages = Math.min(numImages, exactLimit - 1);
    const rest = await scanLabels(
      records,
      keys.subarray(exactImages),
      offsets.subarray(exactImages),
      options,
    );
    labels.set(rest, exactImages);
    const orphan = labels.indexOf(-1);
    if (orphan !== -1) throw corrupt(`image ${orphan + 1} belongs to no identity record.`);
    return labels;
  };
  const labels =
    numImages < exactLimit ? await scan() : await cachedLabels(records, options, numImages, scan);
  return { layout: 'face2rec2', numIdentities, keys, offsets, labels };
}

/** Key of the first identity record: the header record tells, or, where float32 rounds, the first record without an image. */
function findFirstIdentity(
  records: RecordReader,
  index: RecordIndex,
  header: RecordHead,
  exactLimit: number,
  corrupt: (why: string) => KappaError,
): number {
  const numRecords = index.keys.length;
  const [first, end] = header.labels;
  if (header.flag < 2 || first === undefined || end === undefined || !(first >= 2) || !(end > first))
    throw corrupt(
      `record 0 has no image and is no header record either: its labels are [${header.labels.slice(0, 4).join(', ')}], expected [images + 1, images + 1 + identities].`,
    );
  const isIdentity = (key: number) => records.readHead(index.offsets[key]!).imageBytes === 0;
  if (numRecords <= exactLimit) {
    if (end !== numRecords || !Number.isInteger(first))
      throw corrupt(
        `its header record announces records 0 to ${end - 1}, but the index has ${numRecords} entries; the file is truncated, or train.idx is incomplete or belongs to another train.rec.`,
      );
    if (!isIdentity(first) || isIdentity(first - 1))
      throw corrupt(
        `its header record says that identity records begin with key ${first}, which the records there contradict; train.idx belongs to another train.rec, or the file is damaged.`,
      );
    return first;
  }
  if (!isIdentity(numRecords - 1))
    throw corrupt(`its last record is an image, but identity records were expected at the end.`);
  let [low, high] = [1, numRecords - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isIdentity(middle)) high = middle;
    else low = middle + 1;
  }
  if (low < 2) throw corrupt('it holds no images.');
  return low;
}

/** First key and end (exclusive) of each identity's images, as the identity records say. */
function readRanges(
  records: RecordReader,
  index: RecordIndex,
  firstIdentity: number,
  exactLimit: number,
  corrupt: (why: string) => KappaError,
): Float64Array {
  const ranges = new Float64Array(2 * (index.keys.length - firstIdentity));
  for (let i = 0; i < ranges.length / 2; i++) {
    const head = records.readHead(index.offsets[firstIdentity + i]!, SCAN_AHEAD);
    const [from = NaN, end = NaN] = head.labels;
    const whole = head.imageBytes === 0 && Number.isInteger(from) && Number.isInteger(end);
    // Rounded numbers are only used up to the limit, so there is nothing to check beyond it.
    const tooLarge = firstIdentity <= exactLimit && end > firstIdentity;
    if (!whole || from < 1 || tooLarge || from > end || (from === end && end < exactLimit))
      throw corrupt(
        `identity record ${firstIdentity + i} gives the images [${from}, ${end}), which is not a range within 1 to ${firstIdentity - 1}.`,
      );
    ranges[2 * i] = from;
    ranges[2 * i + 1] = end;
  }
  return ranges;
}

/**
 * The class of each identity: its position, as face2rec2 writes them. That is checked on some images; where it does
 * not hold, the first image of every identity tells.
 */
function identityClasses(
  records: RecordReader,
  index: RecordIndex,
  ranges: Float64Array,
  exactLimit: number,
): Int32Array {
  const count = ranges.length / 2;
  // Of a rounded range nothing is needed, and its first image may be another identity's.
  const usable = (identity: number) => ranges[2 * identity]! < exactLimit;
  const labelOf = (identity: number) => {
    const key = ranges[2 * identity]!;
    return imageLabel(records, key, index.offsets[key]!);
  };
  const matches = (identity: number) => !usable(identity) || labelOf(identity) === identity;
  const step = Math.max(1, Math.floor(count / MAX_CHECKED_IDENTITIES));
  let inOrder = matches(count - 1);
  for (let identity = 0; inOrder && identity < count; identity += step) inOrder = matches(identity);
  return Int32Array.from({ length: count }, (_, identity) =>
    inOrder || !usable(identity) ? identity : labelOf(identity),
  );
}

/** Reads the labels of the given records, pausing now and then. */
async function scanLabels(
  records: RecordReader,
  keys: Uint32Array,
  offsets: Float64Array,
  { onProgress, signal }: LayoutOptions,
): Promise<Int32Array> {
  const labels = new Int32Array(keys.length);
  const readAhead = scanReadAhead(records, offsets);
  for (let i = 0; i < keys.length; i++) {
    const label = records.labelAt(offsets[i]!, readAhead);
    labels[i] = isLabel(label) ? label : imageLabel(records, keys[i]!, offsets[i]!);
    if ((i + 1) % SCAN_SLICE === 0) {
      onProgress?.(i + 1, keys.length);
      await yieldToEvents();
      if (signal?.aborted)
        throw new KappaError(
          'ERR_CANCELLED',
          `Reading the labels of ${records.path} was interrupted at record ${i + 1} of ${keys.length}.`,
        );
    }
  }
  return labels;
}

/**
 * Bytes to read at once in a scan of headers: reading whole stretches of a file costs less than asking for each header
 * by itself, unless records are large or stand in another order than their keys.
 */
function scanReadAhead(records: RecordReader, offsets: Float64Array): number {
  if (records.size > MAX_BYTES_READ_PER_HEADER * offsets.length) return 0;
  for (let i = 1; i < offsets.length; i++) if (offsets[i]! < offsets[i - 1]!) return 0;
  return SCAN_STRETCH;
}

function isLabel(label: number | undefined): label is number {
  return label !== undefined && label >= 0 && label < 2 ** 24 && Number.isInteger(label);
}

/** The label in an image record's own header. */
function imageLabel(records: RecordReader, key: number, offset: number): number {
  const { labels, imageBytes } = records.readHead(offset);
  const where = `${records.path}: record ${key} (at byte ${offset})`;
  if (imageBytes === 0)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${where} holds no image. It may be a header or identity record of the face2rec2 layout, whose index also needs record 0.`,
    );
  const label = labels[0]!;
  if (!Number.isInteger(label))
    throw new KappaError('ERR_DATA_CORRUPT', `${where}: its label is ${label}, not an integer.`);
  if (!isLabel(label))
    throw new KappaError(
      'ERR_LABEL_RANGE',
      `${where}: its label is ${label}; labels run from 0 to the number of classes - 1.`,
    );
  return label;
}

async function cachedLabels(
  records: RecordReader,
  { stamp }: LayoutOptions,
  count: number,
  scan: () => Promise<Int32Array>,
): Promise<Int32Array> {
  const known = stamp === undefined ? undefined : await readLabelCache(records.path, stamp, count);
  if (known) return known;
  const labels = await scan();
  if (stamp !== undefined) await writeLabelCache(records.path, stamp, labels);
  return labels;
}
