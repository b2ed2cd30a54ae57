import { KappaError, ioError } from '../../errors';
import { readText } from '../../files/text';

/** The label map beside `train.rec`: a JSON array, the name of class c at position c. */
export const CLASSES_FILE = 'classes.json';

/**
 * Reads `classes.json`: a JSON array with the identity's name of each class, in the order of the classes.
 * @param numClasses how many there must be, where that is known
 * @returns undefined when there is no such file
 * @throws KappaError ERR_DATA_CORRUPT, ERR_IO
 */
export async function readClassNames(file: string, numClasses?: number): Promise<string[] | undefined> {
  let text: string;
  try {
    text = await readText(file, { expected: 'a label map' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(error, 'read', file);
  }
  const count = numClasses === undefined ? '' : `${numClasses} `;
  const bad = (why: string) =>
    new KappaError(
      'ERR_DATA_CORRUPT',
      `${file}: expected a JSON array of ${count}distinct names, the name of each class, but ${why}. Correct it or take it away.`,
    );
  let names: unknown;
  try {
    names = JSON.parse(text);
  } catch {
    throw bad('it is no JSON');
  }
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw bad('it is something else');
  if (numClasses !== undefined && names.length !== numClasses) throw bad(`it has ${names.length}`);
  if (new Set(names).size !== names.length) throw bad('a name occurs twice');
  return names;
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
