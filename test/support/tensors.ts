import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Tensor, liveTensors, synchronize } from '../../lib';
import type { DType } from '../../lib';

/** A tensor that wants a gradient. */
export async function parameter(values: number[], dtype: DType = 'float64'): Promise<Tensor> {
  const tensor = await Tensor.from(values, undefined, { dtype });
  tensor.requiresGrad = true;
  return tensor;
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
