import { fieldAt, isSection, ownValue, type Section } from '../options/fields';
import { configSchema } from './schema';

/**
 * Merges changes into a config: sections key by key, lists and everything else as a whole. Where a change chooses
 * another variant of a section (`kind`), settings that this variant does not have are left behind.
 *
 * @param base the config or section that changes are made to; it is not modified
 * @param changes what is to be different; keys that are `undefined` change nothing
 */
export function mergeConfig(base: Section, changes: Section): Section {
  return merge(base, changes, []);
}

function merge(base: Section, changes: Section, path: readonly string[]): Section {
  const kept = path.length === 0 ? base : keepOfVariant(base, changes, path);
  const merged: Section = { ...kept };
  for (const [key, change] of Object.entries(changes)) {
    if (change === undefined) continue;
    const before = ownValue(kept, key);
    const value = isSection(change) ? merge(isSection(before) ? before : {}, change, [...path, key]) : change;
    Object.defineProperty(merged, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return merged;
}

function keepOfVariant(base: Section, changes: Section, path: readonly string[]): Section {
  // Only the section's own value matters to find its variant, so a config with nothing else in it is enough.
  const nested = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), changes);
  const field = fieldAt(configSchema(), path, nested);
  if (field?.discriminator === undefined) return base;
  if (ownValue(changes, field.discriminator) === undefined) return base;
  return Object.fromEntries(Object.entries(base).filter(([key]) => field.keys.includes(key)));
}
