import { mkdir, open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { ioError, KappaError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';
import { syncFileData } from '../../files/sync-file';
import { npyHeader } from '../../io/npy';
import { writeOpencvMatrix } from '../../io/opencv-matrix';

/** A place for rows of features on disk. */
export interface FeatureStore {
  /** Makes it ready for rows from `done` on. @throws KappaError `ERR_DATA_CORRUPT` where fewer are there */
  begin(done: number): Promise<void>;
  write(from: number, rows: Float32Array): Promise<void>;
  /** Brings what was written to the disk. */
  flush(): Promise<void>;
  /** All rows are there. */
  finish(): Promise<void>;
  /** Gives the file back, whatever is in it. */
  close(): Promise<void>;
  /** Whether all of it is there, where that was said before. */
  isThere(): Promise<boolean>;
  /** Removes what is there. */
  clear(): Promise<void>;
}

/** A matrix of NumPy that is filled from the front; it has its name when it is whole. */
export class NpyStore implements FeatureStore {
  readonly #partial: string;
  readonly #header: Buffer;
  #handle: FileHandle | undefined;

  constructor(
    private readonly file: string,
    rows: number,
    private readonly columns: number,
  ) {
    this.#partial = `${file}.part`;
    this.#header = npyHeader(rows, columns);
  }

  async begin(done: number): Promise<void> {
    try {
      if (done === 0) await rm(this.#partial, { force: true });
      // Killed between the last row and the word that all are there.
      else if (!(await isFile(this.#partial)) && (await isFile(this.file)))
        await rename(this.file, this.#partial);
      this.#handle = await open(this.#partial, done === 0 ? 'wx+' : 'r+');
      const { size } = await this.#handle.stat();
      if (done === 0) await this.#handle.write(this.#header, 0, this.#header.length, 0);
      else if (size < this.#at(done))
        throw new KappaError(
          'ERR_DATA_CORRUPT',
          `${this.#partial} has ${size} bytes, but ${done} rows were written. Remove it and its .json, and begin anew (--overwrite).`,
        );
    } catch (error) {
      throw ioError(error, 'open', this.#partial);
    }
  }

  async write(from: number, rows: Float32Array): Promise<void> {
    const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
    try {
      for (let at = 0; at < bytes.length;)
        at += (await this.#handle!.write(bytes, at, bytes.length - at, this.#at(from) + at)).bytesWritten;
    } catch (error) {
      throw ioError(error, 'write', this.#partial);
    }
  }

  async flush(): Promise<void> {
    await syncFileData(this.#handle!).catch((error: unknown) => {
      throw ioError(error, 'write', this.#partial);
    });
  }

  async finish(): Promise<void> {
    await this.flush();
    await this.close();
    await rename(this.#partial, this.file).catch((error: unknown) => {
      throw ioError(error, 'rename', this.#partial);
    });
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  isThere(): Promise<boolean> {
    return isFile(this.file);
  }

  async clear(): Promise<void> {
    await rm(this.#partial, { force: true });
    await rm(this.file, { force: true });
  }

  #at(row: number): number {
    return this.#header.length + 4 * row * this.columns;
  }
}

const FILES_AT_ONCE = 16;

/** A file for each feature, as MegaFace's devkit takes them: the image's path and an ending. */
export class MegafaceStore implements FeatureStore {
  readonly #folders = new Set<string>();

  /** @throws KappaError `ERR_DATA_CORRUPT` for names that lead out of the folder, or occur twice */
  constructor(
    private readonly folder: string,
    private readonly names: readonly string[],
    private readonly ending: string,
    private readonly columns: number,
  ) {
    const seen = new Set<string>();
    for (const name of names) {
      const plain = path.posix.normalize(name.replaceAll('\\', '/'));
      if (path.isAbsolute(name) || plain.startsWith('..'))
        throw new KappaError(
          'ERR_DATA_CORRUPT',
          `${name} leads out of the folder of the features. Give the folder that the images lie in, or a list with paths below its --root.`,
        );
      if (seen.has(plain))
        throw new KappaError(
          'ERR_DATA_CORRUPT',
          `${name} occurs twice: its features would overwrite each other.`,
        );
      seen.add(plain);
    }
  }

  begin(): Promise<void> {
    return Promise.resolve();
  }

  async write(from: number, rows: Float32Array): Promise<void> {
    const count = rows.length / this.columns;
    for (let first = 0; first < count; first += FILES_AT_ONCE) {
      const some = Array.from({ length: Math.min(FILES_AT_ONCE, count - first) }, (_, i) => first + i);
      await Promise.all(
        some.map(async (row) => {
          const file = path.join(this.folder, `${this.names[from + row]!}${this.ending}`);
          await this.#makeFolder(path.dirname(file));
          const data = rows.subarray(row * this.columns, (row + 1) * this.columns);
          await writeOpencvMatrix(file, data, { rows: this.columns, columns: 1 });
        }),
      );
    }
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  isThere(): Promise<boolean> {
    const last = this.names.at(-1);
    return last === undefined ? Promise.resolve(true) : isFile(path.join(this.folder, last + this.ending));
  }

  clear(): Promise<void> {
    // Each file is written anew.
    return Promise.resolve();
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw ioError(error, 'create the folder', folder);
    });
    this.#folders.add(folder);
  }
}

/** Writes what the rows are of: a name a line. */
export async function writeIndex(file: string, names: readonly string[]): Promise<void> {
  await writeFileAtomically(file, (handle) => handle.writeFile(names.map((name) => `${name}\n`).join('')));
}

/**
 * Reads what rows of features are of: a name a line.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT` for names that occur twice, `ERR_IO`
 */
export async function readIndex(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new KappaError(
        'ERR_DATA_NOT_FOUND',
        `There is no index ${file}: the paths of the features' images, one a line.`,
      );
    throw ioError(error, 'read', file);
  });
  const names = text.split('\n').map((line) => line.replace(/\r$/, ''));
  if (names.at(-1) === '') names.pop();
  const seen = new Set<string>();
  for (const [i, name] of names.entries()) {
    if (name.trim() === '') throw new KappaError('ERR_DATA_CORRUPT', `${file}, line ${i + 1}: it is empty.`);
    if (seen.has(name))
      throw new KappaError('ERR_DATA_CORRUPT', `${file}, line ${i + 1}: ${name} occurs twice.`);
    seen.add(name);
  }
  return names;
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (info) => info.isFile(),
    () => false,
  );
}
