import { mergeConfig } from './merge';
import type { Config } from './config';

/** What a derived config changes: any part of a config, sections in part, lists as a whole. */
export type ConfigChanges = Partial<Config>;

/**
 * Types a config for editors and compilers, and gives it back unchanged. It is validated as a whole when a run
 * loads it.
 *
 * @param config the config; everything but `name` has a default (see `kappa config print`)
 */
export function defineConfig(config: Config): Config {
  return config;
}

/**
 * Derives a config from another one: sections are merged key by key, lists are replaced. Choosing another `kind`
 * of schedule or concentration leaves behind the settings that this kind does not have.
 *
 * @param base the config to start from; it is not modified
 * @param changes what is different
 */
export function deriveConfig(base: Config, changes: ConfigChanges): Config {
  const merged: unknown = mergeConfig({ ...base }, { ...changes });
  return merged as Config;
}
