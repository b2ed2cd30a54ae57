import { InvalidArgumentError } from 'commander';

/** What a command's handler gives: an exit code, or nothing for success. */
export type Outcome = number | void | Promise<number | void>;

/** Makes of a handler what commander calls: it passes arguments on and notes the exit code. */
export type Action = <Arguments extends unknown[]>(
  handler: (...args: Arguments) => Outcome,
) => (...args: Arguments) => Promise<void>;

export const jsonDoc = 'print one JSON value on stdout; everything else goes to stderr';

/** Gathers the values of a flag that may be given several times. */
export function collect(value: string, values: string[]): string[] {
  return [...values, value];
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || text.trim() === '')
    throw new InvalidArgumentError('Expected a whole number above 0.');
  return value;
}

/** A number of worker threads; 0 does without. */
export function workerCount(text: string): number {
  return text.trim() === '0' ? 0 : wholeNumber(text);
}

export function plainNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || text.trim() === '') throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** A seed: any whole number. */
export function seedNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || text.trim() === '')
    throw new InvalidArgumentError('Expected a whole number.');
  return value;
}

/** `centre`, or `left,top,side` in pixels. */
export function cropSquare(text: string): 'centre' | { left: number; top: number; side: number } {
  if (text === 'centre') return text;
  const [left, top, side, ...more] = text
    .split(',')
    .map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : NaN));
  if (![left, top, side].every(Number.isFinite) || !side || more.length > 0)
    throw new InvalidArgumentError('Expected centre or left,top,side in pixels.');
  return { left: left!, top: top!, side };
}
