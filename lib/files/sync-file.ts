import { fdatasync, fsync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';

const syncAll = promisify(fsync);
const syncData = promisify(fdatasync);

/** Brings a file to the disk. Of the methods of a file under yarn's Plug'n'Play, `sync` and `datasync` are missing. */
export function syncFile({ fd }: FileHandle): Promise<void> {
  return syncAll(fd);
}

/** Brings the bytes of a file to the disk, and not when it was changed. */
export function syncFileData({ fd }: FileHandle): Promise<void> {
  return syncData(fd);
}
