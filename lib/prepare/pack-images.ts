import { rm } from 'node:fs/promises';
import path from 'node:path';
import { KappaError } from '../errors';
import { removeStalePartials, writeFileAtomically } from '../files/atomic-file';
import { formatBadList, type BadSample } from '../data/lists/skip-list';
import { FaceDatasetWriter } from '../data/layout/face-dataset-writer';
import { howToAlign, oneClass } from '../data/lists/notes';
import type { ImageList, ListedImage } from '../data/lists/image-list';
import type { Landmarks } from '../data/lists/landmarks';
import type { ConvertOptions } from '../image/convert';
import { convertFiles } from './convert-files';
import { isImageError, withSkipHint } from './skip-hint';
import type { ConvertItem } from './convert-task';

/** How images are packed. */
export interface PackRunOptions extends Partial<ConvertOptions> {
  /** Align faces by the five points of the `.lst` or by `landmarks`; those marked as aligned are left as they are. */
  align?: boolean;
  /** Landmarks of the images. Implies `align`. */
  landmarks?: Landmarks;
  /** Leave out images that cannot be used and list them, instead of stopping at the first. @default false */
  skipBad?: boolean;
  /** Replace a dataset that is there already. @default false */
  overwrite?: boolean;
  /** Worker threads; 0 works in the calling thread. @default one for each core, at most 16 */
  workers?: number;
  signal?: AbortSignal;
  /** Called now and then. */
  onProgress?: (done: number, total: number) => void;
  /** Told what is worth a line, such as what was wrong but could be helped. */
  onMessage?: (text: string) => void;
}

/** What {@link packDataset} wrote, and what it left out. */
export interface PackResult {
  output: string;
  images: number;
  classes: number;
  /** What was left out, in the order of the list; also in `skipped.txt` beside the dataset. */
  skipped: BadSample[];
  /** Identities that lost all their images. */
  droppedClasses: string[];
}

/** File beside a dataset that lists what could not be packed. */
const SKIPPED_FILE = 'skipped.txt';

/** The conversion that options ask for, defaults filled in: 112 pixels, no resizing. */
export function convertOptions(options: Partial<ConvertOptions>): ConvertOptions {
  const { size = 112, resize = false, crop, format, quality } = options;
  return { size, resize, crop, format, quality };
}

/** Where the images of a list are, and where their dataset goes. */
interface PackPlaces {
  /** Names the list in messages. */
  source: string;
  /** Folder that the paths of the list are relative to. */
  root: string;
  output: string;
  /** A class that loses all its images is an error, since the others would be numbered anew. */
  keepsLabels: boolean;
  /** Whoever packs may ask for `skipBad`, and is told so. */
  canSkip?: boolean;
}

/**
 * Packs listed images into a dataset, class by class.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_IO, ERR_CANCELLED
 */
export async function packImages(list: ImageList, options: PackRunOptions & PackPlaces): Promise<PackResult> {
  const { source, root, output, landmarks, skipBad = false, signal } = options;
  const convert = convertOptions(options);
  const images = sortByLabel(list.images, list.names.length);
  const aligns = options.align === true || landmarks !== undefined;
  const items = convertItems(images, root, aligns, landmarks);
  if (!aligns) noteUnaligned(images, source, options.onMessage);
  await removeStalePartials(output);

  const writer = await FaceDatasetWriter.create(output, { imageSize: [convert.size, convert.size] });
  try {
    const skipped: BadSample[] = [];
    const names: string[] = [];
    const droppedClasses: string[] = [];
    let [done, label, written] = [0, -1, -1];
    const noteEmpty = () => {
      if (label !== -1 && written !== label) droppedClasses.push(list.names[label]!);
    };
    for await (const result of convertFiles(items, convert, options)) {
      const entry = images[done++]!;
      if (entry.label !== label) noteEmpty();
      label = entry.label;
      if ('error' in result) {
        if (!skipBad || !isImageError(result.error))
          throw options.canSkip ? withSkipHint(result.error) : result.error;
        skipped.push({ key: entry.path, reason: result.error.message });
      } else {
        if (written !== label) {
          writer.beginIdentity();
          names.push(list.names[label]!);
        }
        written = label;
        await writer.add(result.image, aligns || entry.aligned !== false ? 1 : 0);
      }
      if (done % 64 === 0 || done === images.length) options.onProgress?.(done, images.length);
    }
    noteEmpty();
    if (droppedClasses.length > 0 && options.keepsLabels)
      throw new KappaError(
        'ERR_LABEL_RANGE',
        `${source}: class ${JSON.stringify(droppedClasses[0])} has no image left, since all of its images were skipped: the labels cannot be kept. Number them anew (--relabel for a list, no --classes for a folder), or repair the images.`,
      );
    if (writer.numImages === 0)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `None of the ${images.length} images of ${source} can be used: ${skipped[0]?.reason}`,
      );
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Packing ${source} was interrupted.`);
    const { numClasses, numImages } = await writer.close(names);
    await writeSkipped(output, source, skipped);
    if (numClasses === 1) options.onMessage?.(oneClass(source, images));
    return { output, images: numImages, classes: numClasses, skipped, droppedClasses };
  } finally {
    await writer.abort();
  }
}

/** Says which images a list does not call aligned, where nobody asked to align them. */
function noteUnaligned(
  images: readonly ListedImage[],
  source: string,
  onMessage: ((text: string) => void) | undefined,
): void {
  const unaligned = images.filter(({ aligned }) => aligned === false);
  const pointless = unaligned.filter(({ points }) => points === undefined).length;
  if (unaligned.length > 0)
    onMessage?.(
      `${source}: ${unaligned.length} of ${images.length} images are not aligned, as the list says (the first: ${unaligned[0]!.path}). They are packed as they are. To align them: ${howToAlign(unaligned.length, pointless)}.`,
    );
}

/** Images by class, those of a class in the order of the list. */
function sortByLabel(images: readonly ListedImage[], numClasses: number): ListedImage[] {
  const classes: ListedImage[][] = Array.from({ length: numClasses }, () => []);
  for (const image of images) classes[image.label]!.push(image);
  return classes.flat();
}

function* convertItems(
  images: readonly ListedImage[],
  root: string,
  aligns: boolean,
  landmarks: Landmarks | undefined,
): Generator<ConvertItem> {
  for (const image of images) {
    const file = path.resolve(root, image.path);
    // A list that marks some faces as aligned means the others; a folder with landmarks means all.
    if (!aligns || (image.aligned === true && landmarks === undefined)) yield { file };
    else yield { file, ...landmarksOf(image, landmarks) };
  }
}

function landmarksOf(image: ListedImage, landmarks: Landmarks | undefined): Omit<ConvertItem, 'file'> {
  const found = landmarks?.find(image.path) ?? image.points;
  if (found !== undefined) return { points: found };
  const why =
    landmarks?.whyMissing(image.path) ?? 'the list has no five points for it; name a file (--landmarks)';
  return { problem: `${image.path} cannot be aligned: ${why}.` };
}

/** Writes the list of what was left out, or removes that of an older dataset. */
async function writeSkipped(output: string, source: string, skipped: BadSample[]): Promise<void> {
  const list = path.join(output, SKIPPED_FILE);
  if (skipped.length === 0) return rm(list, { force: true });
  const heading = [`${skipped.length} images of ${source} that could not be packed: path, reason`];
  await writeFileAtomically(list, (file) => file.writeFile(formatBadList(heading, skipped)));
}
