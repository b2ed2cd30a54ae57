import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { KappaError, liveTensors, synchronize } from '../lib';
import type { KappaErrorCode, Tensor } from '../lib';

/** Reads a golden file. */
export function golden<T>(name: string): T {
  return JSON.parse(readFileSync(path.join(__dirname, 'fixtures', 'golden', name), 'utf8')) as T;
}

/** Asserts that a promise is rejected with a KappaError of a code whose message matches. */
export async function rejects(work: Promise<unknown>, code: KappaErrorCode, message?: RegExp): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof KappaError, `not a KappaError: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
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

/** Lets go of every tensor that earlier tests left to the garbage collector. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // Finalizers run between events, and what they let go of may hold others.
  for (let round = 0; round < 3; round++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
    await synchronize();
  }
}

/** Runs a body and asserts that no tensor is left over. */
export async function leavesNoTensors(body: () => Promise<void>): Promise<void> {
  await collectGarbage(); // else it might come to that within the body
  const before = liveTensors();
  await body();
  await synchronize();
  assert.deepEqual(liveTensors(), before);
}

/** The gradient of a tensor as numbers. */
export async function gradient(tensor: Tensor): Promise<number[]> {
  const grad = await tensor.grad();
  assert.ok(grad, 'no gradient');
  const values = await grad.toArray();
  grad.dispose();
  return values;
}
