import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KappaError } from '../errors';
import type { LibtorchEnv } from './env';
import { inspectLibtorch } from './inspect';
import type { LibtorchTree } from './inspect';
import { isAlive } from '../files/lock';

/** Written last into a cached LibTorch: where it came from and how large its libraries are. */
export interface CacheManifest {
  version: string;
  variant: string;
  source: string;
  /** Sizes in bytes of the files in `lib`, to notice a damaged one without reading gigabytes. */
  libraries: Record<string, number>;
}

const MANIFEST = 'kappaface.json';
/** What stood in its place in the CUDA variant before version 0.2; it has no sizes. */
const OLD_CUDA_MANIFEST = 'kappaface-cuda.json';

/** Folder of the user's cached LibTorch of this version and variant, whether or not it is there. */
export function cacheFolder(env: LibtorchEnv): string {
  return path.join(env.cache, 'libtorch', `${env.version}-${env.variant}`);
}

/** Path of the lock under which that folder is written. */
export function cacheLock(env: LibtorchEnv): string {
  return `${cacheFolder(env)}.lock`;
}

/** Folder in which this process prepares an installation, on the same file system as the result. */
export function partialFolder(env: LibtorchEnv): string {
  return `${cacheFolder(env)}.partial-${os.hostname()}-${process.pid}`;
}

/** Sizes of the files directly in `root/lib`. */
export function librarySizes(root: string): Record<string, number> {
  const folder = path.join(root, 'lib');
  const sizes: Record<string, number> = {};
  for (const item of fs.readdirSync(folder, { withFileTypes: true }))
    if (item.isFile()) sizes[item.name] = fs.statSync(path.join(folder, item.name)).size;
  return sizes;
}

/** Marks a folder as complete. */
export function writeManifest(root: string, manifest: CacheManifest): void {
  fs.writeFileSync(path.join(root, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * The cached LibTorch, checked.
 *
 * @returns undefined where there is none
 * @throws KappaError where there is one that is damaged or does not fit
 */
export function readCache(env: LibtorchEnv): LibtorchTree | undefined {
  const folder = cacheFolder(env);
  if (!fs.existsSync(folder)) return undefined;
  const tree = inspectLibtorch(folder, { version: env.version, variant: env.variant });
  if (!fs.existsSync(path.join(folder, MANIFEST)) && fs.existsSync(path.join(folder, OLD_CUDA_MANIFEST)))
    return tree;
  let manifest: CacheManifest;
  try {
    manifest = JSON.parse(fs.readFileSync(path.join(folder, MANIFEST), 'utf8')) as CacheManifest;
  } catch {
    throw new KappaError(
      'ERR_LIBTORCH_NOT_FOUND',
      `${folder} is incomplete: ${MANIFEST} is missing or damaged`,
    );
  }
  const sizes = librarySizes(tree.root);
  for (const [name, size] of Object.entries(manifest.libraries))
    if (sizes[name] !== size)
      throw new KappaError(
        'ERR_LIBTORCH_NOT_FOUND',
        `${path.join(tree.root, 'lib', name)} is damaged: ${sizes[name] ?? 'no'} bytes, expected ${size}`,
      );
  return tree;
}

/** Removes what dead installations of this version and variant left; to be called under the lock. */
export function removeLeftovers(env: LibtorchEnv): void {
  const folder = cacheFolder(env);
  const parent = path.dirname(folder);
  const prefix = `${path.basename(folder)}.partial-${os.hostname()}-`;
  for (const name of fs.existsSync(parent) ? fs.readdirSync(parent) : []) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length));
    // Installations happen under the lock, so even one under this pid is a leftover of an earlier process.
    if (pid === process.pid || !isAlive(pid))
      fs.rmSync(path.join(parent, name), { recursive: true, force: true });
  }
}
