import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { ioError } from '../errors';

/** A name beside `target` for a file that is still being written. */
export function partialPath(target: string): string {
  const unique = `${process.pid}-${randomBytes(4).toString('hex')}`;
  return path.join(path.dirname(target), `.${path.basename(target)}.${unique}.partial`);
}

/**
 * Writes a file under a temporary name, syncs it and renames it, so that `target` is never half written.
 * @throws KappaError ERR_IO; the temporary file is gone then.
 */
export async function writeFileAtomically(
  target: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const partial = partialPath(target);
  try {
    const file = await open(partial, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw ioError(error, 'write', target);
  }
}
