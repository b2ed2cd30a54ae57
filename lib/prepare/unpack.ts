import { stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../errors';
import { CLASSES_FILE, formatClassNames, isFolderName, readClassNames } from '../data/layout/class-names';
import { FaceDataset } from '../data/face-dataset';
import { imageFormat } from '../image/format';
import { readVerificationSet } from '../data/protocols/verification-set';
import { OnceWriter } from '../files/write-once';

/** How {@link unpackData} writes. */
export interface UnpackOptions {
  signal?: AbortSignal;
  /** Called now and then. */
  onProgress?: (done: number, total: number) => void;
  /** Told what is worth a line, such as what was wrong but could be helped. */
  onMessage?: (text: string) => void;
}

/** What {@link unpackData} wrote. */
export interface UnpackResult {
  output: string;
  images: number;
  /** Classes of a dataset, pairs of a verification set. */
  classes?: number;
  pairs?: number;
  /** Files written now, and files that were there with the same bytes. */
  written: number;
  kept: number;
  /** What the folders of a dataset are called after. */
  folders?: 'names' | 'numbers';
}

/** The list beside unpacked images from which `pack` makes the same dataset again. */
export const UNPACKED_LIST = 'train.lst';
/** The list of an unpacked verification set: `image1 image2 1|0`. */
export const UNPACKED_PAIRS = 'pairs.txt';

/**
 * Unpacks a dataset folder to `output/identity/key.ext` with `train.lst` and `classes.json`, or a verification set to
 * image files with `pairs.txt`. Image bytes are not touched. Folders are called after the names in the dataset's
 * `classes.json`, or by the number of the class where there are none that can be folders. No other file is ever
 * overwritten; files that are there with the same bytes count as done, so an interrupted run is started again.
 *
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_ARGUMENT, ERR_IO, ERR_CANCELLED
 */
export async function unpackData(
  source: string,
  output: string,
  options: UnpackOptions = {},
): Promise<UnpackResult> {
  const info = await stat(source).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw ioError(error, 'read', source);
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `There is nothing at ${source}. Expected a dataset folder (train.rec, train.idx, property) or a verification set (.bin).`,
      { cause: error },
    );
  });
  return info.isDirectory() ? unpackDataset(source, output, options) : unpackPairs(source, output, options);
}

async function unpackDataset(source: string, output: string, options: UnpackOptions): Promise<UnpackResult> {
  const dataset = await FaceDataset.open(source, { allowEmptyClasses: true, onMessage: options.onMessage });
  const writer = new OnceWriter();
  try {
    const names = await readClassNames(path.join(source, CLASSES_FILE), dataset.numClasses);
    const usesNames = names !== undefined && names.every(isFolderName);
    const classDigits = digits(dataset.numClasses - 1);
    const folderOf = (label: number) =>
      usesNames ? names[label]! : String(label).padStart(classDigits, '0');
    const { keys } = dataset.table;
    const keyDigits = digits(keys.at(-1)!);
    const lines: string[] = [];
    for (let index = 0; index < dataset.length; index++) {
      mustGoOn(options, source);
      const { label, image } = dataset.read(index);
      const name = `${String(keys[index]).padStart(keyDigits, '0')}${extension(image)}`;
      const file = `${folderOf(label)}/${name}`;
      lines.push(`1\t${file}\t${label}\n`);
      await writer.write(path.join(output, file), image);
      report(options, index + 1, dataset.length);
    }
    await writer.finish();
    const { written, kept } = writer;
    if (names) await writer.write(path.join(output, CLASSES_FILE), Buffer.from(formatClassNames(names)));
    // Last, so that it stands beside whole sets only.
    await writer.write(path.join(output, UNPACKED_LIST), Buffer.from(lines.join('')));
    await writer.finish();
    const folders = usesNames ? 'names' : 'numbers';
    return { output, images: dataset.length, classes: dataset.numClasses, written, kept, folders };
  } finally {
    await writer.settle();
    dataset.close();
  }
}

async function unpackPairs(source: string, output: string, options: UnpackOptions): Promise<UnpackResult> {
  const set = await readVerificationSet(source);
  const pairDigits = digits(set.isSame.length - 1);
  const writer = new OnceWriter();
  const lines: string[] = [];
  try {
    for (const [pair, isSame] of set.isSame.entries()) {
      mustGoOn(options, source);
      const files: string[] = [];
      for (const side of [0, 1]) {
        const image = set.images[2 * pair + side]!;
        const file = `images/${String(pair).padStart(pairDigits, '0')}_${side}${extension(image)}`;
        files.push(file);
        await writer.write(path.join(output, file), image);
      }
      lines.push(`${files.join('\t')}\t${isSame ? 1 : 0}\n`);
      report(options, 2 * pair + 2, set.images.length);
    }
    await writer.finish();
    const { written, kept } = writer;
    await writer.write(path.join(output, UNPACKED_PAIRS), Buffer.from(lines.join('')));
    await writer.finish();
    return { output, images: set.images.length, pairs: set.isSame.length, written, kept };
  } finally {
    await writer.settle();
  }
}

/** Images that cannot be told keep their bytes under an ending that no tool takes for an image. */
function extension(image: Buffer): string {
  const format = imageFormat(image);
  return format === undefined ? '.bin' : format === 'jpeg' ? '.jpg' : `.${format}`;
}

function digits(largest: number): number {
  return String(Math.max(0, largest)).length;
}

function mustGoOn({ signal }: UnpackOptions, source: string): void {
  if (signal?.aborted)
    throw new KappaError('ERR_CANCELLED', `Unpacking ${source} was interrupted; run it again to go on.`);
}

function report({ onProgress }: UnpackOptions, done: number, total: number): void {
  if (done % 64 === 0 || done === total) onProgress?.(done, total);
}
