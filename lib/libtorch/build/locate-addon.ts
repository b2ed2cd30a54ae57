import fs from 'node:fs';
import path from 'node:path';
import { readEnv } from '../env';
import { PACKAGE_ROOT } from '../package-root';

/** The addons: the one on LibTorch, and the small one that works on pixels without it. */
export type AddonName = 'kappaface' | 'kappaface-pixels';

/** The small addon lies in a folder beside the other: tools that build addons expect one file in a folder. */
const FOLDER: Record<AddonName, string> = { kappaface: '.', 'kappaface-pixels': 'pixels' };

/**
 * Paths at which an addon that was built on this machine may lie, best first, whether or not it is there: the CUDA build
 * (`KAPPA_LIBTORCH_VARIANT=cuda`; it alone where it is there), the debug build (`KAPPA_DEBUG=1`), the release build.
 *
 * @param root root of the package; default this one
 * @param debug default `KAPPA_DEBUG`
 * @param cuda default whether `KAPPA_LIBTORCH_VARIANT` is cuda
 * @param addon which of the addons; default the one on LibTorch
 */
export function locateAddon(
  root: string = PACKAGE_ROOT,
  debug: boolean = readEnv().debug,
  cuda: boolean = readEnv().variant === 'cuda',
  addon: AddonName = 'kappaface',
): string[] {
  const built = (kind: string): string => path.join(root, 'build', kind, FOLDER[addon], `${addon}.node`);
  const withCuda = built(path.join('cuda', 'Release'));
  // Who asks for it gets no other where it fails: a second LibTorch in one process would be the least of the surprises.
  if (cuda && fs.existsSync(withCuda)) return [withCuda];
  return [...(cuda ? [withCuda] : []), ...(debug ? [built('Debug')] : []), built('Release')];
}

/** Where the small addon of the same build as this one lies. */
export function pixelsBeside(addon: string): string {
  return path.join(path.dirname(addon), FOLDER['kappaface-pixels'], 'kappaface-pixels.node');
}
