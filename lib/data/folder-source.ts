import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../errors';
import { LAYOUT_HELP, type OpenSourceOptions, type OpenedSource } from './face-source';
import { SampleFiles } from './sample-files';

const IMAGE_NAME = /\.(jpe?g|png|webp)$/i;
// Folders read at a time: a network file system answers many questions as fast as one.
const FOLDERS_AT_ONCE = 32;
const MAX_DEPTH = 32;

/**
 * Opens a folder of images: `root/identity/image.jpg` (jpg, jpeg, png, webp), with any folders between. The class of
 * an identity is the position of its folder's name among all of them in the order of their UTF-16 code units, which is
 * the same in every locale; images have the order of their relative paths. Names that begin with a dot are passed over.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_IO, ERR_CANCELLED
 */
export async function openFolderSource(root: string, options: OpenSourceOptions): Promise<OpenedSource> {
  const { signal, onProgress, onMessage } = options;
  const identities = (await entriesOf(root, '')).folders.sort();
  const files = new SampleFiles();
  const names: string[] = [];
  const empty: string[] = [];
  for (let from = 0; from < identities.length; from += FOLDERS_AT_ONCE) {
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Reading the folder ${root} was interrupted.`);
    const some = identities.slice(from, from + FOLDERS_AT_ONCE);
    const images = await Promise.all(some.map((name) => imagesBelow(root, name, 1)));
    some.forEach((name, i) => {
      if (images[i]!.length === 0) return empty.push(name);
      for (const image of images[i]!.sort()) files.add(image, names.length);
      return names.push(name);
    });
    onProgress?.(from + some.length, identities.length);
  }
  if (names.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${root} has neither a file "train.rec" nor folders with images (.jpg, .jpeg, .png, .webp). ${LAYOUT_HELP}.`,
    );
  if (empty.length > 0)
    onMessage?.(
      `${root}: ${empty.length} folders have no images and are no identities, the first of them ${JSON.stringify(empty[0])}.`,
    );
  const listed = files.finish(root);
  return { name: root, layout: 'folder', imageSize: undefined, numClasses: names.length, names, ...listed };
}

/** Paths of the images below a folder, relative to root, in no order. */
async function imagesBelow(root: string, folder: string, depth: number): Promise<string[]> {
  if (depth > MAX_DEPTH)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${path.join(root, folder)}: folders are nested more than ${MAX_DEPTH} deep; perhaps a link leads back to a folder above it.`,
    );
  const { folders, images } = await entriesOf(root, folder);
  const within = (name: string) => `${folder}/${name}`;
  const found = images.map(within);
  for (const name of folders) found.push(...(await imagesBelow(root, within(name), depth + 1)));
  return found;
}

async function entriesOf(root: string, folder: string): Promise<{ folders: string[]; images: string[] }> {
  const [folders, images]: [string[], string[]] = [[], []];
  const place = path.join(root, folder);
  let entries: Dirent[];
  try {
    entries = await readdir(place, { withFileTypes: true });
  } catch (error) {
    throw ioError(error, 'read the folder', place);
  }
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const kind = entry.isSymbolicLink() ? await targetOf(path.join(place, entry.name)) : entry;
    if (kind?.isDirectory()) folders.push(entry.name);
    else if (kind?.isFile() && IMAGE_NAME.test(entry.name)) images.push(entry.name);
  }
  return { folders, images };
}

/** What a link leads to; undefined for one that leads nowhere. */
async function targetOf(link: string) {
  return stat(link).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return undefined;
    throw ioError(error, 'read', link);
  });
}
