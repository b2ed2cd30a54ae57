import { KappaError, isError } from '../errors';
import { isDebug, OPENMP_VARIABLES, withVariables } from '../env';
import { locateAddon } from '../libtorch/build/locate-addon';
import { usableProcessors } from '../processors';
import type { NativeAddon } from './contract';

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
  const attempts: string[] = [];
  for (const candidate of locateAddon()) {
    try {
      // The addon is no module that TypeScript could know.
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const addon = withVariables(OPENMP_VARIABLES, () => require(candidate) as NativeAddon);
      addon.initialize(KappaError as never, isDebug(), usableProcessors());
      return addon;
    } catch (error) {
      const message = isError(error) ? error.message.split('\n')[0] : String(error);
      attempts.push(`  ${candidate}: ${message}`);
    }
  }
  throw new KappaError(
    'ERR_ADDON',
    [
      'The native addon of kappaface could not be loaded. Tried:',
      ...attempts,
      'What to do:',
      '  npx kappa doctor            shows what is missing',
      '  npx kappa libtorch install  fetches LibTorch',
      '  npm run build:native        builds the addon (in a clone of the repository)',
    ].join('\n'),
  );
}
