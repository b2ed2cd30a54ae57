import { readFile } from 'node:fs/promises';
import { KappaError, ioError } from '../errors';

/** The label map beside `train.rec`: a JSON array, the name of class c at position c. */
export const CLASSES_FILE = 'classes.json';

/**
 * Reads the names of a dataset's classes.
 * @returns undefined when there is no such file
 * @throws KappaError ERR_DATA_CORRUPT, ERR_IO
 */
export async function readClassNames(file: string): Promise<string[] | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(error, 'read', file);
  }
  const corrupt = (why: string) =>
    new KappaError('ERR_DATA_CORRUPT', `${file}: ${why}. Expected a JSON array of the classes' names.`);
  let names: unknown;
  try {
    names = JSON.parse(text);
  } catch (error) {
    throw corrupt(`it is not JSON (${(error as Error).message})`);
  }
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw corrupt('it is not an array of strings');
  const seen = new Set<string>();
  for (const name of names as string[]) {
    if (seen.has(name)) throw corrupt(`the name ${JSON.stringify(name)} occurs twice`);
    seen.add(name);
  }
  return names as string[];
}

/** The text of a label map, a name a line. */
export function formatClassNames(names: readonly string[]): string {
  return `[\n${names.map((name) => `  ${JSON.stringify(name)}`).join(',\n')}\n]\n`;
}

/**
 * Whether a name may be a folder's, on every system, and only a folder's below the one it is put into.
 * Case matters here as it does to most file systems that hold datasets.
 */
export function isFolderName(name: string): boolean {
  return (
    name.length > 0 &&
    Buffer.byteLength(name) <= 255 &&
    !name.startsWith('.') &&
    !/[\\/:*?"<>|]/.test(name) &&
    ![...name].some((character) => character.charCodeAt(0) < 32) &&
    name === name.trim()
  );
}
