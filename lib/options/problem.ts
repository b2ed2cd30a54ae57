import { describe, KappaError } from '../errors';

/** One thing that is wrong with options. */
export interface OptionProblem {
  /** Path of the option, like `train.batchSize`; empty for the whole. */
  readonly path: string;
  /** What was expected and what was received. */
  readonly message: string;
}

/** Writes a path the way `--set` takes it. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

/** Short lists and other values in a message, by what they hold. */
export function received(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value) && value.every((x) => typeof x !== 'object') && value.length <= 16)
    return `the list [${value.map((x) => (typeof x === 'string' ? JSON.stringify(x) : String(x))).join(', ')}]`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return describe(value);
}

/** The ERR_CONFIG error that lists every problem. */
export function configError(where: string, problems: readonly OptionProblem[]): KappaError {
  const lines = problems.map(({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`);
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new KappaError('ERR_CONFIG', `The config ${where} has ${count}:\n${lines.join('\n')}`);
}
