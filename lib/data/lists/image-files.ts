import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../../errors';
import { readHead } from '../../files/strangers';
import { IMAGE_ENDINGS, imageFormat } from '../../image/format';
import { PassedOver } from './passed-over';

const MAX_DEPTH = 32;
const ENDINGS: ReadonlySet<string> = new Set(IMAGE_ENDINGS);
// What NAS boxes, file managers and archive tools put beside people's photos.
const FOLDERS_OF_TOOLS =
  /^(@eaDir|@(Recycle|Recently-Snapshot|tmp|sharebin|__thumb)|#(recycle|snapshot)|__MACOSX|__pycache__|\$RECYCLE\.BIN|RECYCLER|System Volume Information|lost\+found|Network Trash Folder|Temporary Items)$/i;

/** Orders text by its UTF-16 code units: the same on every machine, whatever its language. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a folder holds, by name and sorted; names that begin with a dot are passed over. */
export interface FolderEntries {
  folders: string[];
  images: string[];
  /** What is no image that is read, and no folder of the user's. */
  passed: PassedOver;
}

/**
 * Lists a folder. Links are followed, those that lead nowhere passed over. A file without an ending is an image if its
 * first bytes say so.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT for a link to a folder that it lies in, ERR_IO
 */
export async function folderEntries(folder: string): Promise<FolderEntries> {
  const found: FolderEntries = { folders: [], images: [], passed: new PassedOver() };
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
    if (kind?.isDirectory()) {
      if (FOLDERS_OF_TOOLS.test(entry.name)) found.passed.folder(entry.name);
      else found.folders.push(entry.name);
    } else if (kind?.isFile()) {
      if (await isImage(folder, entry.name)) found.images.push(entry.name);
      else found.passed.file(entry.name);
    }
  }
  found.folders.sort(byCodeUnits);
  found.images.sort(byCodeUnits);
  return found;
}

/**
 * The images in a folder and all folders below it, as paths relative to `root` with `/` between the parts, sorted.
 * @param folder relative to `root`. @default the root itself
 * @param passed is told what was passed over
 * @throws KappaError as {@link folderEntries}, and ERR_DATA_CORRUPT where folders are nested too deep
 */
export async function imagesBelow(root: string, folder = '', passed = new PassedOver()): Promise<string[]> {
  const found = (await collect(root, folder, passed, 1)).sort(byCodeUnits);
  if (folder === '') await noteLost(root, found, passed);
  return found;
}

/** Notes the folders of a root that have no image at all. */
async function noteLost(root: string, found: readonly string[], passed: PassedOver): Promise<void> {
  const present = new Set(found.map((file) => file.slice(0, file.indexOf('/'))));
  const { folders } = await folderEntries(root);
  for (const name of folders) if (!present.has(name)) passed.identity(name);
}

async function isImage(folder: string, name: string): Promise<boolean> {
  const ending = path.extname(name).toLowerCase();
  if (ending !== '') return ENDINGS.has(ending);
  return imageFormat(await readHead(path.join(folder, name))) !== undefined;
}

async function collect(root: string, folder: string, passed: PassedOver, depth: number): Promise<string[]> {
  if (depth > MAX_DEPTH)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${path.join(root, folder)}: folders are nested more than ${MAX_DEPTH} deep; perhaps a link leads back to a folder above it.`,
    );
  const { folders, images, passed: here } = await folderEntries(path.join(root, folder));
  passed.add(here);
  const within = (name: string) => (folder === '' ? name : `${folder}/${name}`);
  const found = images.map(within);
  for (const name of folders) found.push(...(await collect(root, within(name), passed, depth + 1)));
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
