import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KappaError, type KappaErrorCode } from '../../lib/errors';

/** Reads a golden file. */
export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(path.join(__dirname, '..', 'fixtures', 'golden', name), 'utf8')) as T;
}

/** Asserts that a promise is rejected with a KappaError of a code whose message matches. */
export async function rejects(work: Promise<unknown>, code: KappaErrorCode, message?: RegExp): Promise<void> {
  await assert.rejects(work, typed(code, message));
}

/** Asserts that a call throws a KappaError of a code whose message matches. */
export function throws(work: () => unknown, code: KappaErrorCode, message?: RegExp): void {
  assert.throws(work, typed(code, message));
}

function typed(code: KappaErrorCode, message: RegExp | undefined) {
  return (error: unknown): true => {
    assert.ok(error instanceof KappaError, `not a KappaError: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  };
}

/** The outcome of work that may fail, but only with a KappaError. */
export async function onlyTyped<T>(work: () => T | Promise<T>, what: string): Promise<T | KappaError> {
  try {
    return await work();
  } catch (error) {
    assert.ok(
      error instanceof KappaError,
      `${what}: ${error instanceof Error ? error.stack : String(error)}`,
    );
    return error;
  }
}

/** Asserts that numbers agree to an absolute tolerance. */
export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = 'value',
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((actual[i] as number) - (expected[i] as number));
    assert.ok(
      difference <= tolerance,
      `${what}[${i}]: ${actual[i]} instead of ${expected[i]} (off by ${difference})`,
    );
  }
}

/** Asserts that numbers agree relative to the largest of the expected ones. */
export function closeRelative(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = 'value',
): void {
  let largest = 1e-300;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i] as number));
  close(actual, expected, tolerance * largest, what);
}
