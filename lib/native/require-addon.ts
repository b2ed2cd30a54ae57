import { KappaError, isError } from '../errors';
import { locateAddon, type AddonName } from '../libtorch/build/locate-addon';

/**
 * Loads one of the addons from where it lies.
 *
 * @param initialize what has to be done before it is of use; where that fails, the next place is tried
 * @throws KappaError `ERR_ADDON` with every place that was tried and the command that builds the addon
 */
export function requireAddon(name: AddonName, initialize?: (addon: unknown) => void): unknown {
  const attempts: string[] = [];
  for (const candidate of locateAddon(undefined, undefined, undefined, name)) {
    try {
      // The addon is no module that TypeScript could know.
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const addon: unknown = require(candidate);
      initialize?.(addon);
      return addon;
    } catch (error) {
      const message = isError(error) ? error.message.split('\n')[0] : String(error);
      attempts.push(`  ${candidate}: ${message}`);
    }
  }
  throw new KappaError(
    'ERR_ADDON',
    [
      `The native addon ${name === 'kappaface' ? 'of kappaface' : name} could not be loaded. Tried:`,
      ...attempts,
      'What to do:',
      '  npx kappa doctor            shows what is missing',
      '  npx kappa libtorch install  fetches LibTorch',
      '  npm run build:native        builds the addon (in a clone of the repository)',
    ].join('\n'),
  );
}
