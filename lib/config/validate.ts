import { configSchema, type ResolvedConfig } from './schema';
import { crossFieldProblems } from './checks';
import { configError, pathText, received, type ConfigProblem } from '../options/problem';
import { fieldAt, isSection, ownValue } from '../options/fields';
import { nearestName } from '../options/suggest';

type Path = readonly PropertyKey[];

/** A problem of one option, with the path whose value is to blame. */
interface FieldProblem extends ConfigProblem {
  readonly blamed: Path;
}

/**
 * Validates a config as a whole and fills in every default.
 *
 * @param config the config as it was written
 * @param where what to call it in an error, for instance its file
 * @throws KappaError ERR_CONFIG that lists every problem with its path, what was expected and what was received
 */
export function resolveConfig(config: unknown, where = 'given'): ResolvedConfig {
  const result = configSchema.safeParse(config);
  if (result.success) {
    const problems = crossFieldProblems(result.data);
    if (problems.length > 0) throw configError(where, problems);
    return result.data;
  }
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, config));
  throw configError(where, [...problems, ...remainingProblems(config, problems)]);
}

/** Contradictions between the options that are valid by themselves: all problems are told at once. */
function remainingProblems(config: unknown, problems: readonly FieldProblem[]): ConfigProblem[] {
  if (!isSection(config)) return [];
  const healed = structuredCloneOrUndefined(config);
  if (!isSection(healed)) return [];
  if (problems.some(({ path }) => path === 'name')) healed.name = 'unnamed';
  for (const { blamed } of problems) if (pathText(blamed) !== 'name') remove(healed, blamed);
  const result = configSchema.safeParse(healed);
  if (!result.success) return [];
  return crossFieldProblems(
    result.data,
    problems.map(({ blamed }) => pathText(blamed)),
  );
}

/** Configs are data; one with functions in it cannot be cloned, and is reported by its own problems alone. */
function structuredCloneOrUndefined(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return undefined;
  }
}

/** Removes a value; of a list the whole list, since its other elements would move. */
function remove(config: unknown, path: Path): void {
  let section = config;
  for (const [i, part] of path.entries()) {
    if (!isSection(section)) return;
    const key = String(part);
    const value = ownValue(section, key);
    if (i === path.length - 1 || Array.isArray(value)) {
      delete section[key];
      return;
    }
    section = value;
  }
}

function valueAt(config: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) => (Array.isArray(value) ? value[Number(part)] : ownValue(value, String(part))),
    config,
  );
}

interface Issue {
  readonly code: string;
  readonly path: Path;
  readonly keys?: readonly string[];
}

function problemsOf(issue: Issue, config: unknown): FieldProblem[] {
  if (issue.code === 'unrecognized_keys')
    return (issue.keys ?? []).map((key) => unknownKey(issue.path, key, config));
  // A section that is there but has the wrong type, and a union none of whose alternatives fits, end up here too.
  const path = issue.path;
  const field = fieldAt(path, config);
  const value = valueAt(config, path);
  const expected = field?.expected ?? 'something else';
  const suggestion =
    typeof value === 'string' && field !== undefined ? suggestValue(value, field.expected) : '';
  const message = `expected ${expected}, but received ${received(value)}.${suggestion}`;
  return [{ path: pathText(path), message, blamed: path }];
}

function suggestValue(value: string, expected: string): string {
  const options = [...expected.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? '');
  const nearest = nearestName(value, options);
  return nearest === undefined ? '' : ` Did you mean ${JSON.stringify(nearest)}?`;
}

function unknownKey(section: Path, key: string, config: unknown): FieldProblem {
  const path = [...section, key];
  const keys = fieldAt(section, config)?.keys ?? [];
  return { path: pathText(path), message: unknownOption(section, key, keys), blamed: path };
}

/** Says that there is no such option, and which one may be meant or where the option belongs. */
export function unknownOption(section: Path, key: string, keys: readonly string[]): string {
  const nearest = nearestName(key, keys);
  if (nearest !== undefined)
    return `there is no such option. Did you mean ${pathText([...section, nearest])}?`;
  const elsewhere = sectionOf(key);
  if (elsewhere !== undefined && elsewhere !== pathText(section))
    return `there is no such option. Did you mean ${elsewhere}.${key}?`;
  return `there is no such option. Known here: ${keys.join(', ')}.`;
}

/** The first section of the config that has an option of this name. */
function sectionOf(key: string): string | undefined {
  const sections = fieldAt([], {})?.keys ?? [];
  return sections.find((section) => fieldAt([section], {})?.keys.includes(key));
}
