import { stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../errors';
import type { BadSample } from '../data/lists/skip-list';
import type { ImageFormat } from '../image/format';
import { imagesBelow } from '../data/lists/image-files';
import { PassedOver } from '../data/lists/passed-over';
import { readImageList, type ListedImage } from '../data/lists/image-list';
import { readLandmarks, type Landmarks } from '../data/lists/landmarks';
import { checkConvertOptions } from '../image/convert';
import { convertFiles } from './convert-files';
import { withSkipHint } from './skip-hint';
import type { ConvertItem } from './convert-task';
import { OnceWriter } from '../files/write-once';

/** How {@link alignImages} aligns. */
export interface AlignOptions {
  /** File with 5 or 68 landmarks an image, see {@link readLandmarks}. A `.lst` may have five points of its own. */
  landmarks?: string;
  /** Folder that the paths of a `.lst` are relative to. @default the folder of the `.lst` */
  root?: string;
  /** Side of the aligned faces in pixels. @default 112 */
  size?: number;
  /** @default 'jpeg' */
  format?: ImageFormat;
  /** Quality of JPEG and lossy WebP, 1 to 100. @default 95 */
  quality?: number;
  /** Leave out images that cannot be aligned and list them, instead of stopping at the first. @default false */
  skipBad?: boolean;
  /** Worker threads; 0 works in the calling thread. @default one for each core, at most 16 */
  workers?: number;
  signal?: AbortSignal;
  /** Called now and then. */
  onProgress?: (done: number, total: number) => void;
  /** Told what is worth a line, such as what was wrong but could be helped. */
  onMessage?: (text: string) => void;
}

/** What {@link alignImages} wrote, and what it left out. */
export interface AlignResult {
  output: string;
  images: number;
  /** Files written now, and files that were there with the same bytes. */
  written: number;
  kept: number;
  skipped: BadSample[];
}

/** The list of aligned faces that `pack` takes, written where the input was a `.lst`. */
export const ALIGNED_LIST = 'aligned.lst';

/**
 * Aligns the faces of a folder or of a `.lst` by their landmarks and writes them under the same relative paths, with the
 * ending of the format. A list yields `aligned.lst` with the same labels. No other file is overwritten; files that are
 * there with the same bytes count as done, so an interrupted run is started again.
 *
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_ARGUMENT, ERR_IO, ERR_CANCELLED
 */
export async function alignImages(
  source: string,
  output: string,
  options: AlignOptions = {},
): Promise<AlignResult> {
  const { size = 112, format = 'jpeg', quality, skipBad = false } = options;
  const convert = { size, resize: false, format, quality };
  checkConvertOptions(convert);
  const { images, root, isList } = await listSource(source, options);
  const landmarks = options.landmarks === undefined ? undefined : await readLandmarks(options.landmarks);
  if (landmarks === undefined && !isList)
    throw new KappaError(
      'ERR_ARGUMENT',
      `The faces of ${source} cannot be aligned without landmarks: name a file with 5 or 68 points for each image (--landmarks).`,
    );
  const targets = targetNames(images, root, format, source);
  const writer = new OnceWriter();
  const skipped: BadSample[] = [];
  const lines: string[] = [];
  let done = 0;
  try {
    for await (const result of convertFiles(items(images, root, landmarks), convert, options)) {
      const [image, target] = [images[done]!, targets[done]!];
      done++;
      if (!('error' in result)) {
        await writer.write(path.join(output, target), result.image);
        lines.push(`1\t${target}\t${image.label}\n`);
      } else if (skipBad && result.error.code !== 'ERR_INTERNAL')
        skipped.push({ key: image.path, reason: result.error.message });
      else throw withSkipHint(result.error);
      if (done % 64 === 0 || done === images.length) options.onProgress?.(done, images.length);
    }
    await writer.finish();
    const { written, kept } = writer;
    if (isList) await writer.write(path.join(output, ALIGNED_LIST), Buffer.from(lines.join('')));
    await writer.finish();
    return { output, images: written + kept, written, kept, skipped };
  } finally {
    await writer.settle();
  }
}

async function listSource(
  source: string,
  options: AlignOptions,
): Promise<{ images: ListedImage[]; root: string; isList: boolean }> {
  const info = await stat(source).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw ioError(error, 'read', source);
    throw new KappaError('ERR_DATA_NOT_FOUND', `There is nothing at ${source}.`, { cause: error });
  });
  if (!info.isDirectory()) {
    const { images } = await readImageList(source, { labels: 'keep' });
    return { images, root: options.root ?? path.dirname(source), isList: true };
  }
  const passed = new PassedOver();
  const files = await imagesBelow(source, '', passed);
  const lines = passed.lines(source);
  if (files.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      [`${source} holds no images that are read.`, ...lines].join('\n'),
    );
  lines.forEach((line) => options.onMessage?.(line));
  return { images: files.map((file) => ({ path: file, label: 0 })), root: source, isList: false };
}

/** Where each aligned face is written, below the output folder. */
function targetNames(
  images: readonly ListedImage[],
  root: string,
  format: ImageFormat,
  source: string,
): string[] {
  const ending = format === 'jpeg' ? '.jpg' : `.${format}`;
  const taken = new Map<string, string>();
  return images.map(({ path: file }) => {
    const relative = path.relative(root, path.resolve(root, file)).split(path.sep).join('/');
    if (relative.startsWith('../') || path.isAbsolute(relative))
      throw new KappaError(
        'ERR_ARGUMENT',
        `${source}: ${file} does not lie below ${root}, so it has no place below the output. Name the folder that holds all images (--root).`,
      );
    const target = relative.slice(0, relative.length - path.posix.extname(relative).length) + ending;
    const other = taken.get(target);
    if (other !== undefined)
      throw new KappaError('ERR_ARGUMENT', `${other} and ${file} would both be written to ${target}.`);
    taken.set(target, file);
    return target;
  });
}

function* items(
  images: readonly ListedImage[],
  root: string,
  landmarks: Landmarks | undefined,
): Generator<ConvertItem> {
  for (const image of images) {
    const file = path.resolve(root, image.path);
    const points = landmarks?.find(image.path) ?? image.points;
    if (points !== undefined) yield { file, points };
    else {
      const why = landmarks?.whyMissing(image.path) ?? 'the list has no five points for it';
      yield { file, problem: `${image.path} cannot be aligned: ${why}.` };
    }
  }
}
