import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { ioError } from '../errors';
import { isAlive } from './lock';
import { syncFile } from './sync-file';

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
      await syncFile(file);
    } finally {
      await file.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw ioError(error, 'write', target);
  }
}

const STALE_MILLISECONDS = 60_000;

/**
 * Removes what killed processes left half written in a folder: files of {@link partialPath} whose process is gone and
 * which nobody has touched for a minute (on a shared disk the process may run on another machine).
 */
export async function removeStalePartials(folder: string): Promise<void> {
  for (const entry of await readdir(folder).catch(() => [])) {
    const pid = /^\..*\.(\d+)-[0-9a-f]{8}\.partial$/.exec(entry)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const file = path.join(folder, entry);
    const touched = await stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => Infinity,
    );
    if (Date.now() - touched > STALE_MILLISECONDS) await rm(file, { recursive: true, force: true });
  }
}
