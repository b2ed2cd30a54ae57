import { readFile } from 'node:fs/promises';
import { KappaError, ioError } from '../errors';

/** What a dataset's `property` file says. */
export interface DatasetProperty {
  numClasses: number;
  /** Height and width in pixels. */
  imageSize: [number, number];
}

/** Reads `property`: one line `classes,height,width`. @returns undefined when there is no such file. */
export async function readProperty(file: string): Promise<DatasetProperty | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(error, 'read', file);
  }
  const match = /^\s*(\d{1,9})\s*,\s*(\d{1,5})\s*,\s*(\d{1,5})\s*$/.exec(text);
  const [numClasses, height, width] = match?.slice(1).map(Number) ?? [];
  if (!numClasses || !height || !width)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${file}: expected one line "classes,height,width" such as "85742,112,112" but found ${JSON.stringify(text.slice(0, 60))}.`,
    );
  return { numClasses, imageSize: [height, width] };
}

export function formatProperty({ numClasses, imageSize }: DatasetProperty): string {
  return `${numClasses},${imageSize[0]},${imageSize[1]}\n`;
}
