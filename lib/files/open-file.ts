import { open, type FileHandle } from 'node:fs/promises';

import { KappaError, ioError } from '../errors';

/** Opens a file that is to be read. @throws KappaError ERR_DATA_NOT_FOUND, ERR_IO */
export async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', `There is no file ${file}.`, { cause: error });
    throw ioError(error, 'open', file);
  }
}
