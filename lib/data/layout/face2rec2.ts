import { KappaError } from '../../errors';
import type { RecordIndex } from '../recordio/index-file';
import type { RecordHead, RecordReader } from '../recordio/reader';
import type { FaceRecords, LayoutOptions } from './face-records';
import { cachedLabels, imageLabel, scanLabels } from './scan-labels';

export const SCAN_AHEAD = 64 * 1024;
const MAX_CHECKED_IDENTITIES = 1000;

/** Reads the face2rec2 layout: labels by the identity records, or by the images where these were written of a list in no order. */
export async function readFace2rec2(
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

  const ranges = () => readRanges(records, index, firstIdentity, exactLimit, corrupt);
  const scan = () => labelsOfRanges(records, index, ranges(), { keys, offsets }, options);
  const scanImages = () =>
    cachedLabels(records, options, numImages, () => scanLabels(records, keys, offsets, options));
  try {
    const labels =
      numImages < exactLimit ? await scan() : await cachedLabels(records, options, numImages, scan);
    return { layout: 'face2rec2', numIdentities, keys, offsets, labels };
  } catch (error) {
    if (!(error instanceof RangesMislead)) throw error;
    const labels = await scanImages();
    // Where the images stand class by class, ranges that do not fit them are damage.
    const unsorted = labels.findIndex((label, i) => i > 0 && label < labels[i - 1]!);
    if (unsorted === -1) throw corrupt(error.message);
    options.onMessage?.(
      `${records.path}: the list that it was made of was not sorted by label (${numIdentities} identity records for ${new Set(labels).size} classes), so the labels of the images themselves are read, as arcface_torch does.`,
    );
    return { layout: 'face2rec2', keys, offsets, labels };
  }
}

/** The identity records do not tell the class of each image. */
class RangesMislead extends Error {}

/** The labels that identity records give their images. @throws RangesMislead */
async function labelsOfRanges(
  records: RecordReader,
  index: RecordIndex,
  ranges: Float64Array,
  { keys, offsets }: { keys: Uint32Array; offsets: Float64Array },
  options: LayoutOptions,
): Promise<Int32Array> {
  const { exactLimit = 2 ** 24 } = options;
  const numImages = keys.length;
  const classes = identityClasses(records, index, ranges, exactLimit);
  const labels = new Int32Array(numImages).fill(-1);
  for (let identity = 0; identity < classes.length; identity++) {
    const [from, end] = [ranges[2 * identity]!, Math.min(ranges[2 * identity + 1]!, exactLimit)];
    for (let key = from; key < end; key++) {
      if (labels[key - 1] !== -1)
        throw new RangesMislead(
          `image ${key} belongs to two identities: identity record ${numImages + 1 + identity} overlaps an earlier one.`,
        );
      labels[key - 1] = classes[identity]!;
    }
  }
  // Beyond the exact integers of float32 the ranges are rounded; the images themselves know better.
  const exactImages = Math.min(numImages, exactLimit - 1);
  const rest = await scanLabels(records, keys.subarray(exactImages), offsets.subarray(exactImages), options);
  labels.set(rest, exactImages);
  const orphan = labels.indexOf(-1);
  if (orphan !== -1) throw new RangesMislead(`image ${orphan + 1} belongs to no identity record.`);
  return labels;
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
 * @throws RangesMislead where several records stand for one class
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
  if (inOrder) return Int32Array.from({ length: count }, (_, identity) => identity);
  const classes = Int32Array.from({ length: count }, (_, identity) =>
    usable(identity) ? labelOf(identity) : identity,
  );
  const twice = doubled(classes.filter((_, identity) => usable(identity)));
  if (twice !== undefined)
    throw new RangesMislead(`${count} identity records stand there, several of them for class ${twice}.`);
  return classes;
}

function doubled(labels: Int32Array): number | undefined {
  const sorted = labels.sort();
  return sorted.find((label, i) => label === sorted[i - 1]);
}
