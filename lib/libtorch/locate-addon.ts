import fs from 'node:fs';
import path from 'node:path';
import { readEnv } from './env';
import { PACKAGE_ROOT } from './package-root';

/**
 * Paths at which the native addon may lie, best first, whether or not it is there: the debug build
 * (`KAPPA_DEBUG=1`), the release build, the prebuilt binaries of this platform.
 *
 * @param root root of the package; default this one
 * @param debug default `KAPPA_DEBUG`
 */
export function locateAddon(root: string = PACKAGE_ROOT, debug: boolean = readEnv().debug): string[] {
  const built = (kind: string): string => path.join(root, 'build', kind, 'kappaface.node');
  const prebuilds = path.join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  const names = fs.existsSync(prebuilds)
    ? fs.readdirSync(prebuilds).filter((name) => name.endsWith('.node'))
    : [];
  return [
    ...(debug ? [built('Debug')] : []),
    built('Release'),
    ...names.sort().map((name) => path.join(prebuilds, name)),
  ];
}
