import fs from 'node:fs';
import path from 'node:path';
import { readEnv } from '../env';
import { PACKAGE_ROOT } from '../package-root';

/**
 * Paths at which the native addon may lie, best first, whether or not it is there: the CUDA build
 * (`KAPPA_LIBTORCH_VARIANT=cuda`), the debug build (`KAPPA_DEBUG=1`), the release build, the prebuilt binaries of this
 * platform.
 *
 * @param root root of the package; default this one
 * @param debug default `KAPPA_DEBUG`
 * @param cuda default whether `KAPPA_LIBTORCH_VARIANT` is cuda
 */
export function locateAddon(
  root: string = PACKAGE_ROOT,
  debug: boolean = readEnv().debug,
  cuda: boolean = readEnv().variant === 'cuda',
): string[] {
  const built = (kind: string): string => path.join(root, 'build', kind, 'kappaface.node');
  const prebuilds = path.join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  const names = fs.existsSync(prebuilds)
    ? fs.readdirSync(prebuilds).filter((name) => name.endsWith('.node'))
    : [];
  return [
    ...(cuda ? [built(path.join('cuda', 'Release'))] : []),
    ...(debug ? [built('Debug')] : []),
    built('Release'),
    ...names.sort().map((name) => path.join(prebuilds, name)),
  ];
}
