import { KappaError } from '../../errors';
import type { EvaluationRecord, Interval } from '../records/record';
import { intervalOfDraws } from './rates';

/** What the difference of two models' numbers says: `undecided` where its interval holds 0. */
export type Verdict = 'better' | 'worse' | 'undecided';

/** A number of two models on one benchmark. */
export interface NumberDifference {
  readonly id: string;
  readonly label: string;
  readonly isShare: boolean;
  /** Of the first model and of the second. */
  readonly values: readonly [number, number];
  /** The second less the first. */
  readonly difference: number;
  /** Where 95% of such benchmarks would have the difference; missing where one of the numbers has no draws. */
  readonly interval?: Interval;
  /** How the second model is against the first. */
  readonly verdict?: Verdict;
}

/** Numbers of which less is better. */
const ERRORS = /^(eer|fnir|fnmr|fmr)\b/;

/**
 * Compares two models on one benchmark: the difference of each number in one and the same draws. People that are hard are so
 * for both, mostly, so that the difference is surer than either number.
 *
 * @throws KappaError ERR_ARGUMENT unless both are of the same benchmark, set, rule and flags, and were drawn alike
 */
export function compareRecords(first: EvaluationRecord, second: EvaluationRecord): NumberDifference[] {
  requireAlike(first, second);
  const others = new Map(second.numbers.map((number) => [number.id, number]));
  return first.numbers.flatMap((number): NumberDifference[] => {
    const other = others.get(number.id);
    if (!other) return [];
    const { id, label, isShare } = number;
    const difference = other.value - number.value;
    const shared = { id, label, isShare, values: [number.value, other.value] as const, difference };
    const [a, b] = [number.draws, other.draws];
    if (!a || !b || a.length !== b.length) return [shared];
    const interval = intervalOfDraws(a.map((value, draw) => b[draw]! - value));
    const sign = ERRORS.test(id) ? -1 : 1;
    const verdict =
      interval.low > 0
        ? sign > 0
          ? 'better'
          : 'worse'
        : interval.high < 0
          ? sign > 0
            ? 'worse'
            : 'better'
          : 'undecided';
    return [{ ...shared, interval, verdict }];
  });
}

function requireAlike(first: EvaluationRecord, second: EvaluationRecord): void {
  const differs = (what: string, a: unknown, b: unknown): KappaError =>
    new KappaError(
      'ERR_ARGUMENT',
      `These are evaluations of different things: ${what} is ${String(a)} in the first and ${String(b)} in the second.`,
    );
  for (const key of ['benchmark', 'set', 'variant', 'protocol'] as const)
    if (first[key] !== second[key]) throw differs(`the ${key}`, first[key], second[key]);
  for (const flag of new Set([...Object.keys(first.flags), ...Object.keys(second.flags)]))
    if (first.flags[flag] !== second.flags[flag])
      throw differs(`the flag ${flag}`, first.flags[flag], second.flags[flag]);
  const [a, b] = [first.resampling, second.resampling];
  if (!a || !b) throw new KappaError('ERR_ARGUMENT', 'One of the evaluations has no draws: evaluate again.');
  if (a.fingerprint !== b.fingerprint)
    throw new KappaError(
      'ERR_ARGUMENT',
      `These are evaluations of different pairs, or of other people: ${first.data} and ${second.data} are not the same data.`,
    );
  if (a.seed !== b.seed || a.draws !== b.draws)
    throw new KappaError('ERR_ARGUMENT', 'The two were drawn with other seeds or other numbers of draws.');
}
