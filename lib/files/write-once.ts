import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../errors';
import { removeStalePartials, writeFileAtomically } from './atomic-file';

/** Writes waiting at a time: enough to keep a disk busy, few enough to bound memory. */
const CONCURRENCY = 16;

/**
 * Writes files that must not replace others. A file that is there with the same bytes is left as it is, so that work
 * that was interrupted is simply done again; one with other bytes is an error.
 */
export class OnceWriter {
  written = 0;
  kept = 0;
  readonly #folders = new Map<string, Promise<unknown>>();
  readonly #pending = new Set<Promise<void>>();
  #failure: unknown;

  /** Writes a file, its folder too; resolves when there is room for the next. @throws KappaError ERR_IO, ERR_ARGUMENT */
  async write(file: string, bytes: Buffer): Promise<void> {
    const work = this.#write(file, bytes)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#pending.delete(work));
    this.#pending.add(work);
    if (this.#pending.size >= CONCURRENCY) await Promise.race(this.#pending);
    if (this.#failure !== undefined) await this.finish();
  }

  /** Waits for what is being written. @throws KappaError the first error */
  async finish(): Promise<void> {
    await Promise.all(this.#pending);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits for what is being written, whatever comes of it: nothing goes on in the background after an error. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #write(file: string, bytes: Buffer): Promise<void> {
    const folder = path.dirname(file);
    if (!this.#folders.has(folder))
      this.#folders.set(
        folder,
        mkdir(folder, { recursive: true }).then(
          () => removeStalePartials(folder),
          (error: unknown) => {
            throw ioError(error, 'create the folder', folder);
          },
        ),
      );
    await this.#folders.get(folder);
    const present = await readFile(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw ioError(error, 'read', file);
    });
    if (present === undefined) {
      await writeFileAtomically(file, (handle) => handle.writeFile(bytes));
      this.written++;
    } else if (present.equals(bytes)) this.kept++;
    else
      throw new KappaError(
        'ERR_ARGUMENT',
        `${file} is there already with other contents, and is not overwritten. Choose an empty folder, or remove the file.`,
      );
  }
}

/**
 * Makes sure that nothing has this name yet, unless it may be replaced.
 * @throws KappaError ERR_ARGUMENT
 */
export async function mustBeFree(file: string, overwrite = false): Promise<void> {
  if (overwrite) return;
  const taken = await stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
  if (taken)
    throw new KappaError(
      'ERR_ARGUMENT',
      `${file} is there already. Choose another place, or say that it may be overwritten (--overwrite).`,
    );
}
