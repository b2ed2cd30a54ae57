import { KappaError } from '../../errors';
import { readImageSize } from '../../image/decode';
import { unpackRecord } from '../recordio/header';
import type { RecordReader } from '../recordio/reader';
import type { FaceRecords } from './face-records';

// The first image tells the size; where it is damaged, one of the next.
const TRIED_IMAGES = 16;

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
