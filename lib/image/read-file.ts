import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { KappaError, ioError } from '../errors';

const MAX_FILE_BYTES = 256 << 20;

/**
 * Reads an image file, at once: a worker has nothing else to do meanwhile.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT where it is too large for an image, ERR_IO
 */
export function readImageFile(file: string): Buffer {
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES)
      throw new KappaError('ERR_DATA_CORRUPT', `${file}: ${size} bytes are too many for an image.`);
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', missingFile(file), {
        cause: error,
      });
    throw ioError(error, 'read', file);
  }
}

/** Says that a listed file is not there, and why that may be. @param also what else was looked for */
export function missingFile(file: string, also = ''): string {
  return `${file}: there is no such file${also}.${pathHint(file)}`;
}

function pathHint(file: string): string {
  // Elsewhere than on Windows a backslash is a letter of a name.
  if (path.sep !== '\\' && file.includes('\\'))
    return ' Its path has backslashes, but here folders are separated by /: write the list with / between folder and file.';
  return file.includes('\ufffd') ? ' Its path has letters that are no UTF-8: save the list as UTF-8.' : '';
}
