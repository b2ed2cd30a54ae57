import { stat } from 'node:fs/promises';
import { KappaError, ioError } from '../../errors';
import { readText } from '../../files/text';

/** A record or file that cannot be used. */
export interface BadSample {
  /** The record's key, or the file's path relative to its root. */
  key: string;
  reason: string;
}

const MAX_BYTES = 1 << 30;

/**
 * Reads a list of images to leave out, as `kappa data check` writes it: a line each with the record's key or the
 * image's relative path, and maybe a tab and why. Lines that begin with `#` and empty lines say nothing.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_IO
 */
export async function readSkipList(file: string): Promise<Set<string>> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES)
      throw new KappaError('ERR_DATA_CORRUPT', `${file} has ${size} bytes: it is no list of images to skip.`);
    text = await readText(file, { expected: 'a list of images to skip' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new KappaError(
        'ERR_DATA_NOT_FOUND',
        `There is no list of images to skip at ${file}. Write one with kappa data check, or take the option skipList away.`,
        { cause: error },
      );
    throw ioError(error, 'read', file);
  }
  const keys = new Set<string>();
  for (const line of text.split('\n')) {
    const key = line.replace(/\r$/, '').split('\t', 1)[0]!;
    if (key.trim() !== '' && !key.startsWith('#')) keys.add(key);
  }
  return keys;
}

/** Turns the entries of a list for a record file into keys. @throws KappaError ERR_DATA_CORRUPT */
export function recordKeys(entries: ReadonlySet<string>, file: string): Set<number> {
  return new Set(
    [...entries].map((entry) => {
      const key = Number(entry);
      if (!/^\s*\d+\s*$/.test(entry) || key > 0xffffffff)
        throw new KappaError(
          'ERR_DATA_CORRUPT',
          `${file}: expected the key of a record but found ${JSON.stringify(entry.slice(0, 60))}. The list is of another kind of dataset.`,
        );
      return key;
    }),
  );
}

/** The text of a list of bad records, as {@link readSkipList} takes it: lines that begin with `#` say what it is, then `key<TAB>reason`. */
export function formatBadList(heading: readonly string[], samples: readonly BadSample[]): string {
  const clean = (text: string) => text.replace(/[\t\r\n]+/g, ' ');
  return [
    ...heading.map((line) => `# ${clean(line)}\n`),
    ...samples.map(({ key, reason }) => `${clean(key)}\t${clean(reason)}\n`),
  ].join('');
}
