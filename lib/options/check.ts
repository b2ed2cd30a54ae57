import { argumentError, KappaError } from '../errors';
import { at, fieldAt, isSection, ownValue, variantsAt } from './fields';
import { pathText, received, type OptionProblem } from './problem';
import type { Schema } from './schema';
import { nearestName } from './suggest';

type Path = readonly PropertyKey[];

/** A problem of one option, with the path whose value is to blame. */
export interface FieldProblem extends OptionProblem {
  readonly blamed: Path;
  /** What was expected there, in words. */
  readonly expected?: string;
  /** Whether there is no such option. */
  readonly isUnknown?: boolean;
}

/** What came out of a check: the value with its defaults, or everything that is wrong. */
export type Checked<T> = { data: T } | { problems: FieldProblem[] };

interface Issue {
  readonly code: string;
  readonly path: Path;
  readonly message: string;
  readonly keys?: readonly string[];
}

/** More than this many rounds find nothing new: each takes away what the one before complained of. */
const MAX_ROUNDS = 4;

/**
 * Checks a value by a schema and fills in the defaults.
 *
 * @returns the value, or every problem at once in words: also those behind an unknown `kind`, which hides the others
 */
export function checkOptions<S extends Schema>(schema: S, value: unknown): Checked<S['_output']> {
  const result = schema.safeParse(value);
  if (result.success) return { data: result.data };
  const problems: FieldProblem[] = [];
  let [rest, issues]: [unknown, readonly Issue[]] = [value, result.error.issues as unknown as Issue[]];
  for (let round = 0; round < MAX_ROUNDS && issues.length > 0; round++) {
    const found = issues.flatMap((issue) => problemsOf(schema, issue, rest));
    const isNew = ({ path, blamed }: FieldProblem) =>
      !problems.some((known) => known.path === path || isBelow(blamed, known.blamed));
    // An unknown kind was taken for the default one: what that does not have says nothing.
    const kinds = problems
      .filter(({ blamed }) => blamed.at(-1) === 'kind')
      .map(({ blamed }) => blamed.slice(0, -1));
    problems.push(
      ...found.filter(
        (problem) =>
          isNew(problem) && !(problem.isUnknown && kinds.some((kind) => isBelow(problem.blamed, kind))),
      ),
    );
    rest = without(rest, found);
    const again = rest === undefined ? undefined : schema.safeParse(rest);
    issues = again?.success === false ? (again.error.issues as unknown as Issue[]) : [];
  }
  return { problems };
}

/**
 * Resolves the options of a constructor or function.
 *
 * @param what names the options in errors, for instance `augment`
 * @throws KappaError `ERR_ARGUMENT` that says what was expected and what came
 */
export function resolveOptions<S extends Schema>(
  schema: S,
  given: object | undefined,
  what = '',
): S['_output'] {
  const checked = checkOptions(schema, given);
  if ('data' in checked) return checked.data;
  const [first] = checked.problems;
  const name = (path: Path) => pathText(what === '' ? path : [what, ...path]);
  if (checked.problems.length === 1 && first && !first.isUnknown && first.expected !== undefined)
    throw argumentError(name(first.blamed), first.expected, at(given, first.blamed));
  const lines = checked.problems.map(({ blamed, message }) => `${name(blamed)}: ${message}`);
  throw new KappaError(
    'ERR_ARGUMENT',
    lines.length === 1 ? lines.join() : `Wrong options:\n  ${lines.join('\n  ')}`,
  );
}

/** A copy without what is to blame; undefined where it holds what cannot be copied. */
export function without(value: unknown, problems: readonly FieldProblem[]): unknown {
  let copy: unknown;
  try {
    copy = structuredClone(value);
  } catch {
    return undefined;
  }
  for (const { blamed } of problems) remove(copy, blamed);
  return copy;
}

/** Removes a value; of a list the whole list, since its other elements would move. */
function remove(whole: unknown, path: Path): void {
  let section = whole;
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

function isBelow(path: Path, above: Path): boolean {
  return above.length <= path.length && above.every((part, i) => part === path[i]);
}

/** The problems that an issue of zod stands for. */
function problemsOf(schema: Schema, issue: Issue, whole: unknown): FieldProblem[] {
  const { path, code } = issue;
  if (code === 'unrecognized_keys')
    return (issue.keys ?? []).map((key) => ({
      path: pathText([...path, key]),
      message: unknownOption(schema, path, key, whole),
      blamed: [...path, key],
      isUnknown: true,
    }));
  const value = at(whole, path);
  if (code === 'custom')
    return [
      { path: pathText(path), message: `${issue.message}, but received ${received(value)}.`, blamed: path },
    ];
  // A section that is there but has the wrong type, and a union none of whose alternatives fits, end up here too.
  const expected = fieldAt(schema, path, whole)?.expected ?? 'something else';
  const suggestion = typeof value === 'string' ? suggestValue(value, expected) : '';
  const message = `expected ${expected}, but received ${received(value)}.${suggestion}`;
  return [{ path: pathText(path), message, blamed: path, expected }];
}

function suggestValue(value: string, expected: string): string {
  const options = [...expected.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? '');
  const nearest = nearestName(value, options);
  return nearest === undefined ? '' : ` Did you mean ${JSON.stringify(nearest)}?`;
}

/** Says that there is no such option, and which one may be meant, or where or to what kind the option belongs. */
export function unknownOption(schema: Schema, section: Path, key: string, whole: unknown): string {
  const none = 'there is no such option';
  const owners = variantsAt(schema, section, whole).filter(({ keys }) => keys.includes(key));
  if (owners.length > 0) {
    const here = fieldAt(schema, section, whole)?.discriminator ?? 'kind';
    const kind = ownValue(at(whole, section), here) ?? fieldAt(schema, [...section, here], whole)?.initial;
    const others = owners.map((owner) => JSON.stringify(owner.kind)).join(', ');
    return `${none} where ${pathText([...section, here])} is ${JSON.stringify(kind)}: it belongs to ${others}.`;
  }
  const keys = fieldAt(schema, section, whole)?.keys ?? [];
  const nearest = nearestName(key, keys);
  if (nearest !== undefined) return `${none}. Did you mean ${pathText([...section, nearest])}?`;
  const elsewhere = sectionOf(schema, key);
  if (elsewhere !== undefined && elsewhere !== pathText(section))
    return `${none}. Did you mean ${elsewhere}.${key}?`;
  return `${none}. Known here: ${keys.join(', ')}.`;
}

/** The first section that has an option of this name. */
function sectionOf(schema: Schema, key: string): string | undefined {
  const sections = fieldAt(schema, [], {})?.keys ?? [];
  return sections.find((section) => fieldAt(schema, [section], {})?.keys.includes(key));
}
