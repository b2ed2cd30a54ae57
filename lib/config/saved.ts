import { checkOptions, without } from '../options/check';
import { resolveConfig } from './validate';
import { configSchema, type ResolvedConfig } from './schema';

/**
 * Takes a config that a run saved, maybe by another version: options that are not known here (any more) are passed
 * over, those that the version did not have yet get their defaults.
 *
 * @param where what to call it in an error
 * @throws KappaError ERR_CONFIG
 */
export function resolveSavedConfig(saved: unknown, where: string): ResolvedConfig {
  const checked = checkOptions(configSchema(), saved);
  if ('data' in checked) return checked.data;
  const unknown = checked.problems.filter(({ isUnknown }) => isUnknown);
  return resolveConfig(without(saved, unknown), where);
}
