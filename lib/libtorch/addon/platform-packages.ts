import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { LibtorchVariant } from '../versions';
import { variantName } from '../versions';

/** Which variants of which platforms have a package with a prebuilt addon: those below `npm/`. */
const PREBUILT: Readonly<Record<string, readonly LibtorchVariant[]>> = { 'linux-x64': ['cpu', 'cuda'] };

/**
 * The package that holds the prebuilt addon, such as `@kappaface/linux-x64-cpu`.
 *
 * @returns undefined where none is made for the platform
 */
export function platformPackage(
  variant: LibtorchVariant,
  platform: string = `${process.platform}-${process.arch}`,
): string | undefined {
  return PREBUILT[platform]?.includes(variant) ? `@kappaface/${platform}-${variantName(variant)}` : undefined;
}

/** An installed package with a prebuilt addon. */
export interface InstalledPackage {
  version: string;
  /** Path of the addon, whether or not it is there. */
  addon: string;
}

/**
 * Looks for a package where Node would, from the root of this one.
 *
 * @returns undefined where it is not installed
 */
export function findPlatformPackage(name: string, root: string): InstalledPackage | undefined {
  try {
    const file = createRequire(path.join(root, 'package.json')).resolve(`${name}/package.json`);
    const { version } = JSON.parse(fs.readFileSync(file, 'utf8')) as { version: string };
    return { version, addon: path.join(path.dirname(file), 'kappaface.node') };
  } catch {
    return undefined;
  }
}
