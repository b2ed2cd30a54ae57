import { readFile } from 'node:fs/promises';
import { KappaError, ioError } from '../errors';

/**
 * Reads `classes.json`: a JSON array with the identity's name of each class, in the order of the classes.
 * @returns undefined when there is no such file
 * @throws KappaError ERR_DATA_CORRUPT, ERR_IO
 */
export async function readClassNames(file: string, numClasses: number): Promise<string[] | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(error, 'read', file);
  }
  const bad = (why: string) =>
    new KappaError(
      'ERR_DATA_CORRUPT',
      `${file}: expected a JSON array of ${numClasses} distinct names, the name of each class, but ${why}. Correct it or take it away.`,
    );
  let names: unknown;
  try {
    names = JSON.parse(text);
  } catch {
    throw bad('it is no JSON');
  }
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw bad('it is something else');
  if (names.length !== numClasses) throw bad(`it has ${names.length}`);
  if (new Set(names).size !== names.length) throw bad('a name occurs twice');
  return names;
}
