import { createRequire } from 'node:module';
import { KappaError } from '../errors';
import { isDebug, spinning, withVariables } from '../env';
import { usableProcessors } from '../processors';
import type { NativeAddon } from './contract';
import type * as RequireAddon from './require-addon';

/** For what is needed once something is computed. */
const later = createRequire(__filename);

let loaded: NativeAddon | undefined;

/**
 * The native addon, loaded at the first call: `kappa --help` and configs never pay for LibTorch.
 *
 * @throws KappaError `ERR_ADDON` with every place that was tried and the command that builds the addon
 */
export function native(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  const { requireAddon } = later('./require-addon') as typeof RequireAddon;
  const { variables, isLimited } = spinning();
  return withVariables(variables, () =>
    requireAddon((addon) =>
      (addon as NativeAddon).initialize(KappaError as never, isDebug(), usableProcessors(), isLimited),
    ),
  ) as NativeAddon;
}
