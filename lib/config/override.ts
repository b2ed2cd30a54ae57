import { parse } from 'yaml';
import { KappaError } from '../errors';
import { mergeConfig } from './merge';
import { configError } from './problem';
import { fieldAt, isSection, type ConfigField, type Section } from './structure';
import { unknownOption } from './validate';

/**
 * Applies `--set path.to.field=value` to a config. The value is read as a YAML scalar or list (`1e-4`, `true`,
 * `null`, `[10, 18]`); where the option is text, as it stands. Later overrides win.
 *
 * @param config the config as it was written; it is not modified
 * @param overrides the `path=value` texts, in order
 * @throws KappaError ERR_USAGE if a text has no `=`; ERR_CONFIG, with a suggestion, if there is no such option
 */
export function applyOverrides(config: Section, overrides: readonly string[]): Section {
  return overrides.reduce<Section>((result, text) => applyOverride(result, text), config);
}

function applyOverride(config: Section, text: string): Section {
  const equals = text.indexOf('=');
  const path = text.slice(0, Math.max(equals, 0)).trim();
  if (equals < 0 || path === '')
    throw new KappaError(
      'ERR_USAGE',
      `Expected path.to.option=value for --set, for instance train.epochs=10, but received ${JSON.stringify(text)}.`,
    );
  const parts = path.split('.');
  const field = resolveField(config, parts, text);
  const value = parseValue(text.slice(equals + 1), field, text);
  const changes = parts.reduceRight<unknown>((inner, key) => nest(key, inner), value);
  return mergeConfig(config, changes as Section);
}

/** An object with one own key, whatever its name. */
function nest(key: string, value: unknown): Section {
  return Object.fromEntries([[key, value]]);
}

/** The field that a path leads to; undefined within a free section, where every name is allowed. */
function resolveField(config: Section, parts: readonly string[], text: string): ConfigField | undefined {
  for (let length = 1; length <= parts.length; length++) {
    const path = parts.slice(0, length);
    const field = fieldAt(path, config);
    if (field?.isFree === true && length < parts.length) return undefined;
    if (field === undefined) {
      const section = parts.slice(0, length - 1);
      const parent = fieldAt(section, config);
      const key = parts[length - 1] ?? '';
      const message =
        parent?.isSection === true
          ? unknownOption(section, key, parent.keys)
          : `${section.join('.')} has nothing below it: set it as a whole.`;
      throw configError(`override --set ${text}`, [{ path: path.join('.'), message }]);
    }
    if (length === parts.length) return field;
  }
  return undefined;
}

function parseValue(text: string, field: ConfigField | undefined, override: string): unknown {
  if (field?.isText === true) {
    if (field.isNullable && text.trim() === 'null') return null;
    return unquoted(text);
  }
  try {
    const value: unknown = parse(text);
    // Whatever is read must be data that a config may hold.
    return isSection(value) || typeof value !== 'object' || Array.isArray(value) || value === null
      ? value
      : text;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new KappaError('ERR_CONFIG', `The value of --set ${override} cannot be read: ${why}`, {
      cause: error,
    });
  }
}

/** Text may be quoted as in YAML or JSON, or not. */
function unquoted(text: string): string {
  const trimmed = text.trim();
  if (!/^(["']).*\1$/s.test(trimmed)) return text;
  try {
    const value: unknown = parse(trimmed);
    return typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
}
