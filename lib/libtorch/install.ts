import fs from 'node:fs';
import path from 'node:path';
import { ioError, KappaError } from '../errors';
import { noLibtorchError, reasonOf } from './attempts';
import {
  cacheFolder,
  cacheLock,
  librarySizes,
  partialFolder,
  readCache,
  removeLeftovers,
  writeManifest,
} from './cache';
import { readEnv } from './env';
import type { LibtorchEnv } from './env';
import { fetchers } from './fetch/fetchers';
import { searchLibtorch } from './find';
import type { FoundLibtorch } from './find';
import { inspectLibtorch } from './inspect';
import { withLock } from '../files/lock';
import type { ProgressListener } from './progress';
import { syncTree } from './sync';
import { checkSpace, unpackLibtorch } from './fetch/unpack';

/** Options of {@link installLibtorch}. */
export interface InstallOptions {
  env?: LibtorchEnv;
  onProgress?: ProgressListener;
  /** Cancels the installation; nothing half done stays behind. */
  signal?: AbortSignal;
}

/** Room for the archives and what is unpacked from them, checked before anything is fetched. */
const NEEDED_BYTES = { cpu: 0.95e9, cuda: 9e9 } as const;

/** These are about this machine or this user, not about a source: the next source cannot help. */
function isFinal(error: unknown): boolean {
  return error instanceof KappaError && (error.code === 'ERR_CANCELLED' || error.code === 'ERR_IO');
}

/** Puts the finished folder in its place in one step. */
function publish(env: LibtorchEnv, tree: string): void {
  const folder = cacheFolder(env);
  if (fs.existsSync(folder)) {
    // Only a damaged one can be there: a usable one would have been taken.
    const aside = path.join(partialFolder(env), 'damaged');
    fs.renameSync(folder, aside);
  }
  fs.renameSync(tree, folder);
  if (process.platform === 'win32') return;
  // The new name itself must survive a power failure too.
  const parent = fs.openSync(path.dirname(folder), 'r');
  try {
    fs.fsyncSync(parent);
  } finally {
    fs.closeSync(parent);
  }
}

/** Tries every source in turn; each prepares in an own scratch folder. */
async function fetchInto(
  env: LibtorchEnv,
  options: InstallOptions,
  attempts: { source: string; reason: string }[],
) {
  const { onProgress, signal } = options;
  const partial = partialFolder(env);
  for (const fetcher of fetchers(env)) {
    const { source } = fetcher;
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', 'The installation of LibTorch was cancelled.');
    onProgress?.({ phase: 'source', message: source });
    const scratch = path.join(partial, 'fetch');
    const tree = path.join(partial, 'tree');
    try {
      fs.mkdirSync(scratch, { recursive: true });
      if ('fill' in fetcher) await fetcher.fill(tree, { signal, onProgress });
      else
        await unpackLibtorch(await fetcher.fetch(scratch, { signal, onProgress }), tree, {
          signal,
          onProgress,
        });
      fs.rmSync(scratch, { recursive: true, force: true });
      const { root, version, variant } = inspectLibtorch(tree, {
        version: env.version,
        variant: env.variant,
      });
      writeManifest(tree, { version, variant, source, libraries: librarySizes(root) });
      onProgress?.({ phase: 'sync' });
      await syncTree(tree);
      publish(env, tree);
      return;
    } catch (error) {
      if (isFinal(error)) throw error;
      attempts.push({ source, reason: reasonOf(error) });
    } finally {
      for (const folder of [scratch, tree]) fs.rmSync(folder, { recursive: true, force: true });
    }
  }
  throw noLibtorchError(env, attempts);
}

/**
 * Finds LibTorch, or fetches it into the user's cache: through pip (the torch wheel), else as the official zip, or
 * from `KAPPA_LIBTORCH_URL`. Everything is prepared aside and renamed, under a lock: an interrupted installation
 * leaves nothing half done, and a second one waits and uses the result.
 *
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND` or `ERR_VERSION` (listing what was tried, and every remedy), `ERR_IO`,
 *   `ERR_CANCELLED`
 */
export async function installLibtorch(options: InstallOptions = {}): Promise<FoundLibtorch> {
  const { env = readEnv(), onProgress, signal } = options;
  const { found, attempts } = searchLibtorch(env);
  if (found !== undefined) return found;
  const work = async (): Promise<FoundLibtorch> => {
    const again = searchLibtorch(env);
    if (again.found !== undefined) return again.found;
    removeLeftovers(env);
    const partial = partialFolder(env);
    try {
      fs.mkdirSync(partial, { recursive: true });
      checkSpace(partial, NEEDED_BYTES[env.variant]);
      await fetchInto(env, options, attempts);
    } catch (error) {
      if (error instanceof KappaError) throw error;
      throw ioError(error, 'install LibTorch in', cacheFolder(env));
    } finally {
      fs.rmSync(partial, { recursive: true, force: true });
    }
    const tree = readCache(env);
    if (tree === undefined)
      throw new KappaError('ERR_INTERNAL', `${cacheFolder(env)} is not there after all.`);
    return { ...tree, source: 'cache' };
  };
  return withLock(cacheLock(env), work, {
    signal,
    onWait: ({ pid }) =>
      onProgress?.({
        phase: 'wait',
        message: `another installation (process ${pid}) is running; waiting for it`,
      }),
  });
}
