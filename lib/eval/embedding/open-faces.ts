import { stat } from 'node:fs/promises';
import path from 'node:path';

import { FaceDataset } from '../../data/face-dataset';
import { imagesBelow } from '../../data/lists/image-files';
import { readImageList } from '../../data/lists/image-list';
import { hasLandmarks, readLandmarks, type Landmarks } from '../../data/lists/landmarks';
import { PassedOver } from '../../data/lists/passed-over';
import { readVerificationSet } from '../../data/protocols/verification-set';
import { ioError, KappaError } from '../../errors';
import { readLines } from '../../files/lines';
import { readHead } from '../../files/strangers';
import type { Crop } from '../../image/convert';
import { imageFormat } from '../../image/format';
import type { Point } from '../../image/similarity';
import { encodedFaces, type FaceInputs } from './face-inputs';

/** How {@link openFaces} reads faces. */
export interface OpenFacesOptions {
  /** Folder that the paths of lists are relative to. @default the folder of each list */
  root?: string;
  /** Landmarks of images (see `readLandmarks`), by which they are aligned; every image needs some then. */
  landmarks?: Landmarks;
  /** What is cut out of images that are not aligned by landmarks. */
  crop?: Crop | 'centre';
  /** Told what is worth a line. */
  onMessage?: (text: string) => void;
  signal?: AbortSignal;
}

/** Faces of files, until they are closed. */
export interface OpenedFaces extends FaceInputs {
  /** Closes the files. */
  close(): void;
}

/** An image file, and what the index calls it. */
export interface NamedFile {
  name: string;
  file: string;
  points?: readonly Point[];
}

/**
 * Opens what is to be embedded: images, folders of images, sets of records (`.rec`, or a folder with `train.rec`), lists
 * (`.lst`; or text, a path a line, with 5 or 68 landmarks or without), verification sets (`.bin`).
 *
 * An index calls images of a folder by their path below it, those of a list as the list does, records by their key; where
 * there are several inputs, the input's own path comes first.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_IO`, `ERR_CANCELLED`
 */
export async function openFaces(
  inputs: readonly string[],
  options: OpenFacesOptions = {},
): Promise<OpenedFaces> {
  const several = inputs.length > 1;
  const closers: (() => void)[] = [];
  const close = (): void => closers.forEach((one) => one());
  try {
    const parts: FaceInputs[] = [];
    for (const input of inputs) {
      const { faces, closer } = await openOne(input, several, options);
      if (closer) closers.push(closer);
      parts.push(faces);
    }
    const joined = joinFaces(parts, several ? `${inputs.length} inputs` : inputs[0]!, options.crop);
    if (joined.length === 0)
      throw new KappaError('ERR_DATA_NOT_FOUND', `${inputs.join(', ')}: there is no image there.`);
    return { ...joined, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Image files in their order. @param name names them in errors */
export function fileFaces(
  files: readonly NamedFile[],
  name: string,
  { landmarks, crop }: Pick<OpenFacesOptions, 'landmarks' | 'crop'> = {},
): FaceInputs {
  const pointsOf = ({ name: image, points }: NamedFile): readonly Point[] | undefined => {
    if (!landmarks) return points;
    const found = landmarks.find(image);
    if (found) return found;
    throw new KappaError('ERR_DATA_NOT_FOUND', `${image} cannot be aligned: ${landmarks.whyMissing(image)}.`);
  };
  return {
    name,
    length: files.length,
    crop,
    nameOf: (index) => files[index]!.name,
    at: (index) => {
      const { file } = files[index]!;
      const points = pointsOf(files[index]!);
      return { where: file, file, ...(points && { points }) };
    },
  };
}

function joinFaces(parts: readonly FaceInputs[], name: string, crop: OpenFacesOptions['crop']): FaceInputs {
  const [only] = parts;
  if (only && parts.length === 1) return { ...only, crop };
  const starts: number[] = [];
  let length = 0;
  for (const part of parts) {
    starts.push(length);
    length += part.length;
  }
  const place = (index: number): [FaceInputs, number] => {
    const p = starts.findLastIndex((start) => start <= index);
    return [parts[p]!, index - starts[p]!];
  };
  return {
    name,
    length,
    crop,
    parts,
    nameOf: (index) => {
      const [part, own] = place(index);
      return part.nameOf(own);
    },
    at: (index) => {
      const [part, own] = place(index);
      return part.at(own);
    },
  };
}

interface Opened {
  faces: FaceInputs;
  closer?: () => void;
}

async function openOne(input: string, isOneOfSeveral: boolean, options: OpenFacesOptions): Promise<Opened> {
  const info = await stat(input).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', `There is no image, folder or list ${input}.`);
    throw ioError(error, 'read', input);
  });
  const within = (name: string): string =>
    isOneOfSeveral ? path.posix.join(input.replaceAll('\\', '/'), name) : name;
  if (info.isDirectory()) {
    const isSet = await stat(path.join(input, 'train.rec')).then(
      () => true,
      () => false,
    );
    return isSet
      ? openRecords(path.join(input, 'train.rec'), within, options)
      : openFolder(input, within, options);
  }
  if (input.endsWith('.rec')) return openRecords(input, within, options);
  if (input.endsWith('.bin')) {
    const { images } = await readVerificationSet(input);
    return { faces: { ...encodedFaces(images, input), nameOf: (index) => within(String(index)) } };
  }
  if (imageFormat(await readHead(input)) !== undefined)
    return { faces: fileFaces([{ name: input, file: input }], input, options) };
  return openList(input, options);
}

async function openFolder(
  folder: string,
  within: (name: string) => string,
  options: OpenFacesOptions,
): Promise<Opened> {
  const passed = new PassedOver();
  const names = await imagesBelow(folder, '', passed);
  passed.lines(folder).forEach((line) => options.onMessage?.(line));
  const files = names.map((name) => ({ name: within(name), file: path.join(folder, name) }));
  return { faces: fileFaces(files, folder, options) };
}

async function openRecords(
  file: string,
  within: (name: string) => string,
  { landmarks, onMessage, signal }: OpenFacesOptions,
): Promise<Opened> {
  if (landmarks)
    throw new KappaError(
      'ERR_ARGUMENT',
      `Landmarks are of image files; the records of ${file} are aligned already.`,
    );
  const dataset = await FaceDataset.open(file, { allowEmptyClasses: true, onMessage, signal });
  const { size, mtimeMs } = await stat(file);
  const { keys } = dataset.table;
  return {
    faces: {
      name: file,
      length: dataset.length,
      identity: JSON.stringify([path.basename(file), size, Math.floor(mtimeMs)]),
      nameOf: (index) => within(String(keys[index])),
      at: (index) => ({ where: `${file}: record ${keys[index]}`, bytes: dataset.read(index).image }),
    },
    closer: () => dataset.close(),
  };
}

async function openList(list: string, options: OpenFacesOptions): Promise<Opened> {
  const root = options.root ?? path.dirname(list);
  const located = (name: string, points?: readonly Point[]): NamedFile => ({
    name,
    file: path.resolve(root, name),
    points,
  });
  if (list.endsWith('.lst')) {
    const { images } = await readImageList(list, { labels: 'keep' });
    // A list says of faces that are aligned already that they are.
    const files = images.map(({ path: name, points, aligned }) =>
      located(name, aligned === true ? undefined : points),
    );
    return { faces: fileFaces(files, list, options) };
  }
  const names: string[] = [];
  for await (const { text } of readLines(list, { signal: options.signal, expected: 'a list of images' })) {
    const name = text.trim();
    if (name === '' || name.startsWith('#')) continue;
    if (names.length === 0 && hasLandmarks(text)) {
      const files = [...(await readLandmarks(list)).entries()].map(([image, points]) =>
        located(image, points),
      );
      return { faces: fileFaces(files, list, options) };
    }
    names.push(name);
  }
  return {
    faces: fileFaces(
      names.map((name) => located(name)),
      list,
      options,
    ),
  };
}
