import { KappaError, isError } from '../errors';
import { mergeConfig } from './merge';
import { unknownOption } from '../options/check';
import { configError, type OptionProblem } from '../options/problem';
import { fieldAt, type Field, type Section } from '../options/fields';
import { configSchema } from './schema';
import { parseYaml } from './yaml';

/**
 * Applies `--set path.to.field=value` to a config. The value is read as a YAML scalar or list (`1e-4`, `true`,
 * `null`, `[10, 18]`); where the option is text, as it stands. Later overrides win.
 *
 * @param config the config as it was written; it is not modified
 * @param overrides the `path=value` texts, in order
 * @throws KappaError ERR_USAGE if a text has no `=`; ERR_CONFIG, with a suggestion, if there is no such option
 */
export function applyOverrides(config: Section, overrides: readonly string[]): Section {
  const problems: OptionProblem[] = [];
  let result = config;
  for (const text of overrides) {
    const { path, value } = splitOverride(text);
    const problem = unknownPath(result, path);
    if (problem === undefined) result = applyOverride(result, path, value, problems);
    else problems.push(problem);
  }
  if (problems.length > 0) throw configError('with its overrides', problems);
  return result;
}

function splitOverride(text: string): { path: string[]; value: string } {
  const equals = text.indexOf('=');
  const path = text.slice(0, Math.max(equals, 0)).trim();
  if (path === '')
    throw new KappaError(
      'ERR_USAGE',
      `Expected path.to.option=value for --set, for instance train.epochs=10, but received ${JSON.stringify(text)}.`,
    );
  return { path: path.split('.'), value: text.slice(equals + 1) };
}

/** The problem of a path that leads to no option, if it does not. */
function unknownPath(config: Section, path: readonly string[]): OptionProblem | undefined {
  const known = path.findIndex((_, i) => fieldAt(configSchema(), path.slice(0, i + 1), config) === undefined);
  if (known < 0) return undefined;
  const section = path.slice(0, known);
  const parent = fieldAt(configSchema(), section, config);
  const message =
    parent?.isSection === true
      ? unknownOption(configSchema(), section, path[known] ?? '', config)
      : `${section.join('.')} has nothing below it: set it as a whole.`;
  return { path: path.slice(0, known + 1).join('.'), message };
}

function applyOverride(
  config: Section,
  path: readonly string[],
  text: string,
  problems: OptionProblem[],
): Section {
  try {
    const value = parseValue(text, fieldAt(configSchema(), path, config));
    const changes = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    return mergeConfig(config, changes as Section);
  } catch (error) {
    const why = isError(error) ? (error.message.split('\n')[0] ?? '') : String(error);
    problems.push({
      path: path.join('.'),
      message: `the value ${JSON.stringify(text)} cannot be read: ${why}`,
    });
    return config;
  }
}

function parseValue(text: string, field: Field | undefined): unknown {
  if (field?.isText !== true) return parseYaml(text);
  return field.isNullable && text.trim() === 'null' ? null : unquoted(text);
}

/** Text may be quoted as in YAML or JSON, or not. */
function unquoted(text: string): string {
  const trimmed = text.trim();
  if (!/^(["']).*\1$/s.test(trimmed)) return text;
  try {
    const value: unknown = parseYaml(trimmed);
    return typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
}
