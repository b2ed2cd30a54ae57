import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { KappaError } from '../../errors';
import { readLabelCache, writeLabelCache } from './label-cache';
import type { LayoutOptions } from './face-records';
import type { RecordReader } from '../recordio/reader';

// A pause for the event loop after so many headers (some 10 ms).
const SCAN_SLICE = 4096;
const SCAN_STRETCH = 256 * 1024;
const MAX_BYTES_READ_PER_HEADER = 32 * 1024;

/** Reads the labels of the given records, pausing now and then. */
export async function scanLabels(
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
export function imageLabel(records: RecordReader, key: number, offset: number): number {
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

/** The labels that a scan gives, remembered beside the file where there is a stamp. */
export async function cachedLabels(
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
