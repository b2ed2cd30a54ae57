import assert from 'node:assert/strict';

import { Tensor, cuda } from '../../lib';
import type { Precision } from '../../lib';

/**
 * What is compared with the CPU: a GPU, or what KAPPA_PARITY_DEVICE names. `cpu` compares the CPU with itself, each
 * precision with float32: that shows on any machine that the comparisons run, and what narrow products cost.
 */
export const parityDevice = process.env.KAPPA_PARITY_DEVICE || 'cuda';

/** Every arithmetic of products. */
export const precisions = ['float32', 'bfloat16', 'float16'] as const;

/** Where and how one side of a comparison computes. */
export interface Side {
  device: string;
  precision: Precision;
}

/** What everything is compared with. */
export const reference: Side = { device: 'cpu', precision: 'float32' };

let told = false;

/** In a suite: leaves its tests out, and says so, where the device is not there. */
export function needsParityDevice(): void {
  before(async function () {
    if (parityDevice === 'cpu' || (await cuda.isAvailable())) return;
    if (!told) {
      const why = cuda.isBuilt() ? 'no GPU on this machine' : 'this addon was built without CUDA';
      console.log(
        `    Nothing is compared with the CPU: ${why} (KAPPA_PARITY_DEVICE=cpu compares it with itself).`,
      );
    }
    told = true;
    this.skip();
  });
}

/** Elements of a tensor of any device and element type, in row-major order. */
export async function numbers(tensor: Tensor): Promise<number[]> {
  const copy = await tensor.detach().to({ device: 'cpu', dtype: 'float64' });
  const values = await copy.toArray();
  copy.dispose();
  return values;
}

/** 2-norm of the difference, relative to that of what was expected; NaN where anything is not finite. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length, 'number of elements');
  let [difference, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += ((actual[i] as number) - (expected[i] as number)) ** 2;
    norm += (expected[i] as number) ** 2;
  }
  return Number.isFinite(difference) ? Math.sqrt(difference / (norm || 1)) : NaN;
}

/** Numbers of one side by what they are. */
export type Outcome = Record<string, ArrayLike<number>>;

/** Largest relative distance of each part. */
export type Bounds = Readonly<Record<string, number>>;

interface Compared {
  part: string;
  apart: number;
  bound: number;
  isWithin: boolean;
}

/** Compares every part of an outcome. */
export function compare(actual: Outcome, expected: Outcome, bounds: Bounds): Compared[] {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(bounds).sort(), 'parts that have a bound');
  return Object.entries(bounds).map(([part, bound]) => {
    const apart = distance(actual[part] ?? [], expected[part] ?? []);
    // A NaN is within no bound.
    return { part, apart, bound, isWithin: apart <= bound };
  });
}

/**
 * Asserts that an outcome lies within bounds of another, each of its parts; on a GPU every distance is printed, so that
 * a run there leaves figures behind.
 */
export function assertParity(actual: Outcome, expected: Outcome, bounds: Bounds, what: string): void {
  const compared = compare(actual, expected, bounds);
  const parts = compared.map(({ part, apart, bound }) => `${part} ${apart.toExponential(1)} of ${bound}`);
  if (parityDevice !== 'cpu') console.log(`      ${what}: ${parts.join(', ')}`);
  assert.ok(
    compared.every(({ isWithin }) => isWithin),
    `${what}: ${parts.join(', ')}`,
  );
}

/** Pseudo-random numbers that depend on nothing but the seed: the same on both sides. */
export function uniform(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 1) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** A tensor of {@link uniform} numbers on a device. */
export async function uniformTensor(shape: readonly number[], seed: number, device: string): Promise<Tensor> {
  const count = shape.reduce((product, size) => product * size, 1);
  const host = await Tensor.from(uniform(count, seed), shape);
  if (device === 'cpu') return host;
  const moved = await host.to({ device });
  host.dispose();
  return moved;
}
