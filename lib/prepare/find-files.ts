import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { byCodeUnits } from '../data/lists/image-files';
import { IMAGE_ENDINGS } from '../image/format';

/** Where listed images are. */
export interface FoundFiles {
  /** The path to read for each listed one; the listed path itself where nothing else was found. */
  paths: Map<string, string>;
  /** Listed paths that were found under another ending. */
  renamed: string[];
  /** Listed paths of which there is no file with any ending. */
  missing: Set<string>;
}

/**
 * Finds listed images that lie there with another ending: aligned or converted images get a new one, and lists keep
 * the old. Of several the one with the first ending of {@link IMAGE_ENDINGS} is taken. Each folder is read once.
 * @param files relative to `root`, or absolute
 */
export async function findFiles(files: Iterable<string>, root: string): Promise<FoundFiles> {
  const folders = new Map<string, Promise<Map<string, string[]> | undefined>>();
  const found: FoundFiles = { paths: new Map(), renamed: [], missing: new Set() };
  for (const file of files) {
    const full = path.resolve(root, file);
    const folder = path.dirname(full);
    let names = folders.get(folder);
    if (names === undefined) folders.set(folder, (names = namesOf(folder)));
    const { name: stem, base } = path.parse(full);
    const same = (await names)?.get(stem) ?? [];
    // A listed file may have any name; in its place only an image is taken.
    const other = same.includes(base) ? base : same.find((name) => rankOf(name) < IMAGE_ENDINGS.length);
    found.paths.set(file, other === undefined ? full : path.join(folder, other));
    if (other === undefined) found.missing.add(file);
    else if (other !== base) found.renamed.push(file);
  }
  return found;
}

/** The image files of a folder by their names without the ending; undefined where there is no folder. */
async function namesOf(folder: string): Promise<Map<string, string[]> | undefined> {
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return undefined;
  const byStem = new Map<string, string[]>();
  for (const name of names) {
    const stem = path.parse(name).name;
    byStem.set(stem, [...(byStem.get(stem) ?? []), name]);
  }
  for (const same of byStem.values())
    if (same.length > 1) same.sort((a, b) => rankOf(a) - rankOf(b) || byCodeUnits(a, b));
  return byStem;
}

/** The place of a name's ending among those of images. */
function rankOf(name: string): number {
  const rank = (IMAGE_ENDINGS as readonly string[]).indexOf(path.extname(name).toLowerCase());
  return rank === -1 ? Number.MAX_SAFE_INTEGER : rank;
}
