import path from 'node:path';
import { KappaError, argumentError } from '../errors';
import { listImageFolder, type ImageList } from '../data/lists/image-list';
import { readLandmarks, type Landmarks } from '../data/lists/landmarks';
import { readLines } from '../files/lines';
import { peopleOf, readPairList, type PairListForm } from '../data/protocols/pair-list';
import { writeVerificationSet } from '../data/protocols/verification-set';
import { missingFile } from '../image/read-file';
import { checkConvertOptions, type ConvertOptions } from '../image/convert';
import { convertFiles } from './convert-files';
import { findFiles, type FoundFiles } from './find-files';
import type { ConvertItem } from './convert-task';
import { convertOptions, packImages, type PackResult } from './pack-images';
import { mustBeFree } from '../files/write-once';

/** How {@link makePairSet} makes a set. */
export interface PairSetOptions extends Partial<ConvertOptions> {
  /** Name of the verification set. @default 'lfw' */
  name?: string;
  /** File with landmarks to align by, see {@link readLandmarks}. Without it images are cropped. */
  landmarks?: string;
  /** Which protocol of CFP. @default 'fp' */
  protocol?: 'fp' | 'ff';
  /** Also pack a training set of the people who occur in no pair. @default false */
  train?: boolean;
  /** File with the only people to train on, like LFW's `people.txt`: names in the first column. Implies `train`. */
  people?: string;
  /** Train only on people with so many images or more. @default 1 */
  minImages?: number;
  /** Replace files that are there already. @default false */
  overwrite?: boolean;
  /** Worker threads; 0 works in the calling thread. @default one for each core, at most 16 */
  workers?: number;
  signal?: AbortSignal;
  /** Called now and then. */
  onProgress?: (done: number, total: number) => void;
  /** Told what is worth a line, such as what was wrong but could be helped. */
  onMessage?: (text: string) => void;
}

/** What {@link makePairSet} wrote. */
export interface PairSetResult {
  output: string;
  verification: string;
  form: PairListForm;
  pairs: number;
  same: number;
  /** Images in the pairs; each is converted once, however often it occurs. */
  distinctImages: number;
  train?: Pick<PackResult, 'images' | 'classes'>;
}

/**
 * Makes a verification set (`.bin`) of a folder of images and a list of pairs, such as LFW's `pairs.txt`, and on request
 * a training set of the other people. Images are aligned by landmarks where these are given. Otherwise they are cropped
 * (`crop`); by default the middle square with half the shorter side of each image that does not have the wanted size yet
 * is brought to that size, and the others stay as they are.
 *
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_ARGUMENT, ERR_IO, ERR_CANCELLED
 */
export async function makePairSet(
  images: string,
  pairList: string,
  output: string,
  options: PairSetOptions = {},
): Promise<PairSetResult> {
  const { name = 'lfw', signal } = options;
  if (!/^[\w.-]+$/.test(name) || name.startsWith('.'))
    throw argumentError('name', 'letters, digits, dots, dashes and underscores', name);
  const landmarks = options.landmarks === undefined ? undefined : await readLandmarks(options.landmarks);
  const convert = convertOptions({
    ...options,
    crop: landmarks ? undefined : (options.crop ?? (options.resize ? undefined : 'centre')),
  });
  checkConvertOptions(convert);
  const trains = options.train === true || options.people !== undefined;
  const verification = path.join(output, `${name}.bin`);
  await mustBeFree(verification, options.overwrite);
  if (trains) await mustBeFree(path.join(output, 'train.rec'), options.overwrite);

  const { form, pairs } = await readPairList(pairList, { protocol: options.protocol });
  const files = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))];
  const found = await findFiles(files, images);
  // LFW's form says no endings, so that any will do.
  if (found.renamed.length > 0 && form !== 'lfw')
    options.onMessage?.(
      `${found.renamed.length} of ${files.length} images lie in ${images} with another ending than ${pairList} says (the first: ${found.renamed[0]}); they are taken.`,
    );
  const people = trains ? await trainingPeople(images, peopleOf(pairs), options) : undefined;
  const total = files.length + (people?.images.length ?? 0);
  const converted = new Map<string, Buffer>();
  for await (const result of convertFiles(items(files, found, landmarks), convert, options)) {
    const file = files[converted.size]!;
    if ('error' in result)
      throw new KappaError(result.error.code, `${result.error.message} (${file} is in ${pairList}.)`, {
        cause: result.error,
      });
    converted.set(file, result.image);
    if (converted.size % 64 === 0) options.onProgress?.(converted.size, total);
  }
  if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Making ${verification} was interrupted.`);
  await writeVerificationSet(verification, {
    images: pairs.flatMap(({ a, b }) => [converted.get(a)!, converted.get(b)!]),
    isSame: pairs.map(({ isSame }) => isSame),
  });
  const train =
    people &&
    (await packImages(people, {
      ...convert,
      source: images,
      root: images,
      output,
      landmarks,
      keepsLabels: false,
      workers: options.workers,
      signal,
      onProgress: (done) => options.onProgress?.(files.length + done, total),
    }));
  options.onProgress?.(total, total);
  const same = pairs.filter(({ isSame }) => isSame).length;
  return {
    output,
    verification,
    form,
    pairs: pairs.length,
    same,
    distinctImages: files.length,
    ...(train && { train: { images: train.images, classes: train.classes } }),
  };
}

function* items(
  files: readonly string[],
  { paths, missing }: FoundFiles,
  landmarks: Landmarks | undefined,
): Generator<ConvertItem> {
  for (const name of files) {
    const file = paths.get(name)!;
    const points = landmarks?.find(name);
    if (missing.has(name))
      yield { file, problem: missingFile(file, ', nor one of that name with another ending') };
    else if (landmarks !== undefined && points === undefined)
      yield { file, problem: `${name} cannot be aligned: ${landmarks.whyMissing(name)}.` };
    else yield { file, points };
  }
}

/** The people of the image folder who may be trained on. */
async function trainingPeople(
  root: string,
  inPairs: readonly string[],
  { people: file, minImages = 1, signal, onMessage }: PairSetOptions,
): Promise<ImageList> {
  if (!Number.isInteger(minImages) || minImages < 1)
    throw argumentError('minImages', 'a whole number above 0', minImages);
  const excluded = new Set(inPairs);
  const wanted = file === undefined ? undefined : await readPeople(file);
  const list = await listImageFolder(root, { signal, onMessage });
  const counts = new Uint32Array(list.names.length);
  for (const { label } of list.images) counts[label]!++;
  const labels = new Int32Array(list.names.length).fill(-1);
  const names: string[] = [];
  list.names.forEach((name, label) => {
    if (excluded.has(name) || (wanted && !wanted.has(name)) || counts[label]! < minImages) return;
    labels[label] = names.length;
    names.push(name);
  });
  if (names.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `Nobody in ${root} is left to train on: all ${list.names.length} people occur in the pairs${file === undefined ? '' : `, are not in ${file}`} or have fewer than ${minImages} images.`,
    );
  const images = list.images.flatMap((image) =>
    labels[image.label] === -1 ? [] : [{ ...image, label: labels[image.label]! }],
  );
  return { names, images };
}

/** Names in the first column; lines with a number alone tell how many follow. */
async function readPeople(file: string): Promise<Set<string>> {
  const people = new Set<string>();
  for await (const { text } of readLines(file, { expected: 'a list of people' })) {
    const name = text.split('\t')[0]!.trim();
    if (name !== '' && !/^\d+$/.test(name)) people.add(name);
  }
  if (people.size === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} names nobody.`);
  return people;
}
