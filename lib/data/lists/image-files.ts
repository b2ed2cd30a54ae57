import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../../errors';

const IMAGE_NAME = /\.(jpe?g|png|webp)$/i;
const MAX_DEPTH = 32;

/** Orders text by its UTF-16 code units: the same on every machine, whatever its language. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a folder holds, by name and sorted; names that begin with a dot are passed over. */
export interface FolderEntries {
  folders: string[];
  images: string[];
}

/**
 * Lists a folder. Links are followed, those that lead nowhere passed over.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT for a link to a folder that it lies in, ERR_IO
 */
export async function folderEntries(folder: string): Promise<FolderEntries> {
  const found: FolderEntries = { folders: [], images: [] };
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', `There is no folder ${folder}.`, { cause: error });
    throw ioError(error, 'read the folder', folder);
  }
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const kind = entry.isSymbolicLink() ? await targetOf(folder, entry.name) : entry;
    if (kind?.isDirectory()) found.folders.push(entry.name);
    else if (kind?.isFile() && IMAGE_NAME.test(entry.name)) found.images.push(entry.name);
  }
  found.folders.sort(byCodeUnits);
  found.images.sort(byCodeUnits);
  return found;
}

/**
 * The images in a folder and all folders below it, as paths relative to `root` with `/` between the parts, sorted.
 * @param folder relative to `root`. @default the root itself
 * @throws KappaError as {@link folderEntries}, and ERR_DATA_CORRUPT where folders are nested too deep
 */
export async function imagesBelow(root: string, folder = ''): Promise<string[]> {
  return (await collect(root, folder, 1)).sort(byCodeUnits);
}

async function collect(root: string, folder: string, depth: number): Promise<string[]> {
  if (depth > MAX_DEPTH)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${path.join(root, folder)}: folders are nested more than ${MAX_DEPTH} deep; perhaps a link leads back to a folder above it.`,
    );
  const { folders, images } = await folderEntries(path.join(root, folder));
  const within = (name: string) => (folder === '' ? name : `${folder}/${name}`);
  const found = images.map(within);
  for (const name of folders) found.push(...(await collect(root, within(name), depth + 1)));
  return found;
}

/** What a link leads to; undefined for one that leads nowhere. */
async function targetOf(folder: string, name: string) {
  const link = path.join(folder, name);
  try {
    const target = await stat(link);
    if (!target.isDirectory()) return target;
    const [there, here] = await Promise.all([realpath(link), realpath(folder)]);
    if (here !== there && !here.startsWith(there + path.sep)) return target;
    throw new KappaError('ERR_DATA_CORRUPT', `${link} is a link to a folder that it lies in (${there}).`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP') return undefined;
    throw ioError(error, 'follow the link', link);
  }
}
