import { KappaError } from '../errors';
import { isDebug, OPENMP_VARIABLES, withVariables } from '../env';
import { usableProcessors } from '../processors';
import type { NativeAddon } from './contract';
import { requireAddon } from './require-addon';

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
  return withVariables(OPENMP_VARIABLES, () =>
    requireAddon((addon) =>
      (addon as NativeAddon).initialize(KappaError as never, isDebug(), usableProcessors()),
    ),
  ) as NativeAddon;
}
