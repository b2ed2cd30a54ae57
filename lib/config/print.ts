import type { ResolvedConfig } from './schema';
import { fieldAt, isSection, type Section } from '../options/fields';

/**
 * Writes a resolved config as YAML, each option with its doc line as a comment. The text is itself a config that
 * resolves to the same values.
 */
export function formatConfig(config: ResolvedConfig): string {
  return `${sectionLines(config, [], config).join('\n')}\n`;
}

function sectionLines(section: Section, path: readonly string[], config: ResolvedConfig): string[] {
  return Object.entries(section).flatMap(([key, value]) => {
    const here = [...path, key];
    const indent = '  '.repeat(path.length);
    const doc = fieldAt(here, config)?.doc ?? '';
    const comment = doc === '' ? [] : [`${indent}# ${doc}`];
    const name = /^[A-Za-z][\w.-]*$/.test(key) ? key : JSON.stringify(key);
    if (isSection(value) && Object.keys(value).length > 0)
      return [...comment, `${indent}${name}:`, ...sectionLines(value, here, config)];
    return [...comment, `${indent}${name}: ${JSON.stringify(value)}`];
  });
}
