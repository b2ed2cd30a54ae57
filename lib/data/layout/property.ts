import { readFile } from 'node:fs/promises';
import { KappaError, ioError } from '../../errors';
import { HEAD_BYTES } from '../../files/strangers';
import { decodeText } from '../../files/text';
import { readImageSize } from '../../image/decode';
import { unpackRecord } from '../recordio/header';
import type { RecordReader } from '../recordio/reader';
import type { FaceRecords } from './face-records';

/** What a dataset's `property` file says. */
export interface DatasetProperty {
  numClasses: number;
  /** Height and width in pixels. */
  imageSize: [number, number];
}

// A line of three numbers; a longer text cannot match, and its rest need not be looked at.
const MAX_BYTES = 256;
// Labels are float32, exact to here; memory is taken for each class.
const MAX_CLASSES = 2 ** 24;

// The first image tells the size; where it is damaged, one of the next.
const TRIED_IMAGES = 16;

/** Reads `property`: one line `classes,height,width`. @returns undefined when there is no such file. */
export async function readProperty(file: string): Promise<DatasetProperty | undefined> {
  let text: Buffer;
  try {
    text = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(error, 'read', file);
  }
  return parseProperty(text, file);
}

/** Parses the content of `property`. @param file names it in errors. @throws KappaError ERR_DATA_CORRUPT */
export function parseProperty(bytes: Buffer, file: string): DatasetProperty {
  const text = decodeText(bytes.subarray(0, HEAD_BYTES), file, { expected: 'a file "property"' }).slice(
    0,
    MAX_BYTES,
  );
  const match =
    bytes.length > MAX_BYTES ? null : /^\s*(\d{1,9})\s*,\s*(\d{1,5})\s*,\s*(\d{1,5})\s*$/.exec(text);
  const [numClasses, height, width] = match?.slice(1).map(Number) ?? [];
  if (!numClasses || !height || !width)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${file}: expected one line "classes,height,width" such as "85742,112,112" but found ${JSON.stringify(text.slice(0, 60))}.`,
    );
  if (numClasses > MAX_CLASSES)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${file}: it announces ${numClasses} classes, but a record's label can only count to ${MAX_CLASSES}.`,
    );
  return { numClasses, imageSize: [height, width] };
}

export function formatProperty({ numClasses, imageSize }: DatasetProperty): string {
  return `${numClasses},${imageSize[0]},${imageSize[1]}\n`;
}

/**
 * What a file "property" would say, where there is none: classes by the labels, the size by the first image.
 * @param numClasses the number of classes, where somebody said it
 * @param onMessage told what was found
 */
export async function withoutProperty(
  records: RecordReader,
  found: FaceRecords,
  numClasses: number | undefined,
  onMessage?: (text: string) => void,
): Promise<{ numClasses: number; imageSize: [number, number] | undefined }> {
  const imageSize = await firstImageSize(records, found);
  const classes = numClasses ?? found.labels.reduce((max, label) => Math.max(max, label), 0) + 1;
  const size = imageSize ? `${imageSize[1]} x ${imageSize[0]}, as the first image has it` : 'unknown';
  onMessage?.(
    `There is no file "property" beside ${records.path}: classes ${classes}, ${numClasses === undefined ? 'as its labels go' : 'as was given'}; size of the images (width x height) ${size}.`,
  );
  return { numClasses: classes, imageSize };
}

async function firstImageSize(
  records: RecordReader,
  { offsets }: FaceRecords,
): Promise<[number, number] | undefined> {
  for (const offset of offsets.subarray(0, TRIED_IMAGES))
    try {
      const { image } = unpackRecord(records.read(offset));
      const { width, height } = await readImageSize(image, 'image');
      return [height, width];
    } catch (error) {
      if (!(error instanceof KappaError) || error.code === 'ERR_IO') throw error;
    }
  return undefined;
}
