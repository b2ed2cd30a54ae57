import { KappaError } from '../errors';
import { noLibtorchError, reasonOf } from './attempts';
import type { Attempt } from './attempts';
import { cacheFolder, readCache } from './cache';
import { readEnv } from './env';
import type { LibtorchEnv } from './env';
import { inspectLibtorch } from './inspect';
import type { LibtorchTree, LibtorchWish } from './inspect';
import { findPython } from './python';

/** A usable LibTorch and where it was found. */
export interface FoundLibtorch extends LibtorchTree {
  source: 'LIBTORCH' | 'python' | 'cache';
}

/** Result of {@link searchLibtorch}: the find, and what was tried before it. */
export interface Search {
  found?: FoundLibtorch;
  attempts: Attempt[];
}

/** What was asked for by name must also hold for a LibTorch that the user points at. */
function wishOf(env: LibtorchEnv): LibtorchWish {
  return {
    version: env.versionGiven ? env.version : undefined,
    variant: env.variantGiven ? env.variant : undefined,
  };
}

/** An explicit choice that does not work is an error: falling back to another one would surprise. */
function refuse(env: LibtorchEnv, source: string, error: unknown, attempts: Attempt[]): never {
  attempts.push({ source, reason: reasonOf(error) });
  throw noLibtorchError(env, attempts, error instanceof KappaError ? error.code : undefined, error);
}

/**
 * Looks for LibTorch on this machine, in the documented order: `LIBTORCH`, the Python torch
 * (`LIBTORCH_USE_PYTORCH=1`), the user's cache. Fetches nothing.
 *
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND` or `ERR_VERSION` where an explicit choice cannot be used
 */
export function searchLibtorch(env: LibtorchEnv = readEnv()): Search {
  const attempts: Attempt[] = [];
  if (env.libtorch !== undefined) {
    const source = `LIBTORCH=${env.libtorch}`;
    try {
      return { found: { ...inspectLibtorch(env.libtorch, wishOf(env)), source: 'LIBTORCH' }, attempts };
    } catch (error) {
      refuse(env, source, error, attempts);
    }
  }
  attempts.push({ source: 'LIBTORCH', reason: 'not set' });

  if (env.usePython) {
    try {
      const python = findPython(env);
      if (python.torch === undefined)
        throw new KappaError('ERR_LIBTORCH_NOT_FOUND', `${python.command} (${python.version}) has no torch`);
      return { found: { ...inspectLibtorch(python.torch, wishOf(env)), source: 'python' }, attempts };
    } catch (error) {
      refuse(env, 'the installed Python torch (LIBTORCH_USE_PYTORCH=1)', error, attempts);
    }
  }
  attempts.push({ source: 'the installed Python torch', reason: 'LIBTORCH_USE_PYTORCH=1 is not set' });

  const source = `the cache (${cacheFolder(env)})`;
  try {
    const tree = readCache(env);
    if (tree !== undefined) return { found: { ...tree, source: 'cache' }, attempts };
    attempts.push({ source, reason: 'empty' });
  } catch (error) {
    attempts.push({ source, reason: reasonOf(error) });
  }
  return { attempts };
}

/**
 * The LibTorch of this machine.
 *
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND` (listing what was tried, and every remedy) or `ERR_VERSION`
 */
export function findLibtorch(env: LibtorchEnv = readEnv()): FoundLibtorch {
  const { found, attempts } = searchLibtorch(env);
  if (found === undefined) throw noLibtorchError(env, attempts);
  return found;
}
