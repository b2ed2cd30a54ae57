import { stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../errors';
import { readClassNames } from '../data/layout/class-names';
import { listImageFolder, readImageList, type ImageList } from '../data/lists/image-list';
import { readLandmarks } from '../data/lists/landmarks';
import { checkConvertOptions } from '../image/convert';
import { convertOptions, packImages, type PackResult, type PackRunOptions } from './pack-images';
import { mustBeFree } from '../files/write-once';

/** How {@link packDataset} packs. */
export interface PackOptions extends Omit<PackRunOptions, 'landmarks'> {
  /** Folder that the paths of a `.lst` are relative to. @default the folder of the `.lst` */
  root?: string;
  /** File with landmarks, see {@link readLandmarks}. Implies `align`. */
  landmarks?: string;
  /** Number the labels of a `.lst` anew where they have gaps. @default false */
  relabel?: boolean;
  /** Label map (`classes.json`) that the identities of a folder follow. @default identities sorted by name */
  classes?: string;
}

/**
 * Packs a folder `root/identity/...` or a `.lst` into a dataset in insightface's layout, with `classes.json` beside it.
 * Images of a class stand together, in the order of the list; the bytes of the dataset do not depend on the number of
 * workers. Bytes pass through untouched unless alignment, another size, a format or a quality is asked for. Nothing
 * stands under the final names until everything is written: an interrupted run is simply started again.
 *
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_ARGUMENT, ERR_IO, ERR_CANCELLED
 */
export async function packDataset(
  source: string,
  output: string,
  options: PackOptions = {},
): Promise<PackResult> {
  checkConvertOptions(convertOptions(options));
  await mustBeFree(path.join(output, 'train.rec'), options.overwrite);
  const { list, root, isFolder } = await listSource(source, options);
  const landmarks = options.landmarks === undefined ? undefined : await readLandmarks(options.landmarks);
  const keepsLabels = isFolder ? options.classes !== undefined : !options.relabel;
  return packImages(list, { ...options, source, root, output, landmarks, keepsLabels, canSkip: true });
}

interface Source {
  list: ImageList;
  root: string;
  isFolder: boolean;
}

async function listSource(source: string, options: PackOptions): Promise<Source> {
  const info = await stat(source).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw ioError(error, 'read', source);
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `There is nothing at ${source}. Expected a folder with a folder for each identity, or a .lst file.`,
      { cause: error },
    );
  });
  if (!info.isDirectory())
    return {
      list: await readImageList(source, { labels: options.relabel ? 'renumber' : 'check' }),
      root: options.root ?? path.dirname(source),
      isFolder: false,
    };
  const list = await listImageFolder(source, { signal: options.signal, onMessage: options.onMessage });
  return { list: options.classes ? await follow(list, options.classes) : list, root: source, isFolder: true };
}

/** Numbers the classes of a folder as a label map says. */
async function follow(list: ImageList, file: string): Promise<ImageList> {
  const names = await readClassNames(file);
  if (names === undefined) throw new KappaError('ERR_DATA_NOT_FOUND', `There is no label map ${file}.`);
  const labels = new Map(names.map((name, label) => [name, label]));
  const unknown = list.names.find((name) => !labels.has(name));
  if (unknown !== undefined)
    throw new KappaError(
      'ERR_LABEL_RANGE',
      `${file} has no class ${JSON.stringify(unknown)}, but there is such a folder.`,
    );
  const present = new Set(list.names);
  const missing = names.find((name) => !present.has(name));
  if (missing !== undefined)
    throw new KappaError(
      'ERR_LABEL_RANGE',
      `${file} has a class ${JSON.stringify(missing)}, but there is no such folder with images.`,
    );
  return {
    names,
    images: list.images.map((image) => ({ ...image, label: labels.get(list.names[image.label]!)! })),
  };
}
