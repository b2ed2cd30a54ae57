import { KappaError, argumentError, describe } from '../errors';
import type { DType, HostElements } from '../native/contract';
import { isTypedArray, naturalDtype, storeElements, type HostData } from './elements';

/** Bytes of one element. */
export const bytesOfDtype: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  bfloat16: 2,
  float16: 2,
  int64: 8,
  int32: 4,
  uint8: 1,
  bool: 1,
};

/** Numbers, nested to any depth. */
export type NestedNumbers = number | boolean | bigint | readonly NestedNumbers[];

/** Elements in row-major order with their shape and type. */
export interface HostTensor {
  data: HostElements;
  shape: number[];
  dtype: DType;
}

function flatten(value: NestedNumbers, shape: number[], depth: number, out: unknown[]): void {
  if (!Array.isArray(value)) {
    if (depth !== shape.length) throw new KappaError('ERR_SHAPE', 'The nested arrays have unequal depths.');
    out.push(value);
    return;
  }
  const items = value as readonly NestedNumbers[];
  if (items.length !== shape[depth]) {
    throw new KappaError(
      'ERR_SHAPE',
      `The nested arrays have unequal lengths: ${items.length} instead of ${shape[depth] ?? 'a number'} at depth ${depth}.`,
    );
  }
  // By index: a hole in an array is an element that is missing.
  for (let i = 0; i < items.length; i++) flatten(items[i]!, shape, depth + 1, out);
}

/** Where an element of nested arrays stands: `index 3`, or `[1][0]` where they are nested. */
function placeIn(shape: readonly number[], index: number): string {
  if (shape.length < 2) return `index ${index}`;
  let rest = index;
  const path: number[] = [];
  for (const size of shape.toReversed()) {
    path.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `[${path.join('][')}]`;
}

function checkDtype(dtype: DType | undefined): void {
  if (dtype === undefined || Object.hasOwn(bytesOfDtype, dtype)) return;
  throw new KappaError(
    'ERR_DTYPE',
    `Unknown dtype ${describe(dtype)}: expected ${Object.keys(bytesOfDtype).join(', ')}.`,
  );
}

/** Checks a shape and returns a copy of it. */
export function checkShape(shape: readonly number[], name = 'shape'): number[] {
  if (!Array.isArray(shape)) throw argumentError(name, 'an array of sizes', shape);
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) throw argumentError(name, 'sizes of 0 or more', size);
  }
  return [...shape];
}

/**
 * Brings what users pass as data into one form.
 *
 * @throws KappaError `ERR_ARGUMENT` where the element type cannot hold a value, `ERR_SHAPE`, `ERR_DTYPE`
 */
export function toHostTensor(
  data: HostData | NestedNumbers,
  shape: readonly number[] | undefined,
  dtype: DType | undefined,
): HostTensor {
  checkDtype(dtype);
  if (isTypedArray(data)) {
    const type = dtype ?? naturalDtype(data);
    const sizes = shape ? checkShape(shape) : [data.length];
    return { data: storeElements(data, type, (index) => `index ${index}`), shape: sizes, dtype: type };
  }
  const found: number[] = [];
  for (let value: NestedNumbers | undefined = data; Array.isArray(value); value = value[0] as NestedNumbers) {
    found.push(value.length);
  }
  const values: unknown[] = [];
  flatten(data, found, 0, values);
  const natural = { boolean: 'bool', bigint: 'int64' }[typeof values[0] as string] as DType | undefined;
  const type = dtype ?? natural ?? 'float32';
  const stored = storeElements(values, type, (index) => placeIn(found, index));
  return { data: stored, shape: shape ? checkShape(shape) : found, dtype: type };
}
