import { createRequire } from 'node:module';
import { InvalidArgumentError, type Command } from 'commander';
import type * as configHelpModule from '../config/help';
import { say } from './output';

/** Makes of a handler what commander calls: it passes arguments on and notes the exit code that the handler gives. */
export type Action = <Arguments extends unknown[]>(
  handler: (...args: Arguments) => Promise<number>,
) => (...args: Arguments) => Promise<void>;

export const JSON_DOC = 'print one JSON value on stdout; everything else goes to stderr';
export const SET_DOC = 'override an option of the config, like train.epochs=10 (repeatable)';

/**
 * Adds a command that had another name before. The old name works as well, but help does not show it, and whoever uses
 * it is told.
 *
 * @param declare gives a command its description, flags and action
 */
export function addRenamed(
  parent: Command,
  { name, oldName }: { name: string; oldName: string },
  declare: (command: Command) => void,
): void {
  declare(parent.command(name));
  const old = parent.command(oldName, { hidden: true });
  declare(old);
  const called = (last: string): string => `kappa ${parent.name()} ${last}`;
  old.hook('preAction', () =>
    say(
      `${called(oldName)} is now ${called(name)}; the old name is deprecated and goes in the next version.`,
    ),
  );
}

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

const load = createRequire(__filename);

/** What a command's help says of configs: read from their schema, which is loaded only where help is asked for. */
export function configHelp(): string {
  return (load('../config/help') as typeof configHelpModule).configHelp();
}
