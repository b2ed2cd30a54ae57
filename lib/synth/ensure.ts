import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ioError } from '../errors';
import { partialPath } from '../files/atomic-file';
import { resolveSynthOptions, SYNTH_VERSION, type SynthOptions } from './options';
import { synthesize, type SynthHooks } from './synthesize';

/** Sets left half drawn by a process that was killed are removed once they are this old. */
const STALE_MILLISECONDS = 24 * 3600 * 1000;

/**
 * Returns the folder of a synthetic face set, drawing it the first time. A set is drawn aside and renamed when
 * it is whole, so a half drawn one is never used, and processes that draw the same set at once do not collide:
 * the first to finish wins.
 *
 * @param cacheRoot Folder that holds one folder for each set.
 * @throws KappaError `ERR_ARGUMENT` for options out of range, `ERR_IO`.
 */
export async function ensureSynthSet(
  cacheRoot: string,
  options: Partial<SynthOptions> = {},
  hooks: SynthHooks = {},
): Promise<string> {
  const resolved = resolveSynthOptions(options);
  const folder = path.join(cacheRoot, `synth-${keyOf(resolved)}`);
  if (await exists(folder)) return folder;
  await mkdir(cacheRoot, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, 'create the folder', cacheRoot);
  });
  await removeStale(cacheRoot);

  const partial = partialPath(folder);
  try {
    await synthesize(partial, resolved, hooks);
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Another process finished the same set meanwhile: its folder is as good.
    const code = (error as NodeJS.ErrnoException).code;
    if ((code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'EPERM') && (await exists(folder)))
      return folder;
    throw ioError(error, 'write the synthetic face set', folder);
  }
  return folder;
}

function keyOf(options: SynthOptions): string {
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([SYNTH_VERSION, sorted]))
    .digest('hex')
    .slice(0, 16);
}

async function exists(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw ioError(error, 'read', folder);
  }
}

async function removeStale(cacheRoot: string): Promise<void> {
  for (const name of await readdir(cacheRoot)) {
    if (!/^\.synth-.*\.partial$/.test(name)) continue;
    const leftover = path.join(cacheRoot, name);
    const age = await stat(leftover).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > STALE_MILLISECONDS) await rm(leftover, { recursive: true, force: true });
  }
}
