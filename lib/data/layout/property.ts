import { readFile } from 'node:fs/promises';
import { KappaError, ioError } from '../../errors';
import { HEAD_BYTES } from '../../files/strangers';
import { decodeText } from '../../files/text';

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
