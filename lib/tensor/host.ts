import { KappaError, argumentError, describe } from '../errors';
import type { DType, HostData } from '../native/contract';

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
  data: HostData;
  shape: number[];
  dtype: DType;
}

const arrayTypes: Record<
  Exclude<DType, 'bfloat16' | 'float16'>,
  (values: (number | bigint | boolean)[]) => HostData
> = {
  float32: (values) => Float32Array.from(values, Number),
  float64: (values) => Float64Array.from(values, Number),
  int64: (values) => BigInt64Array.from(values, (value) => BigInt(value)),
  int32: (values) => Int32Array.from(values, Number),
  uint8: (values) => Uint8Array.from(values, Number),
  bool: (values) => Uint8Array.from(values, (value) => (value ? 1 : 0)),
};

function naturalDtype(data: HostData): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof BigInt64Array) return 'int64';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint8Array) return 'uint8';
  throw new KappaError('ERR_DTYPE', 'A Uint16Array holds bits: say dtype bfloat16 or float16.');
}

function isHostData(value: unknown): value is HostData {
  return (
    value instanceof Float32Array ||
    value instanceof Float64Array ||
    value instanceof BigInt64Array ||
    value instanceof Int32Array ||
    value instanceof Uint16Array ||
    value instanceof Uint8Array
  );
}

function flatten(
  value: NestedNumbers,
  shape: number[],
  depth: number,
  out: (number | bigint | boolean)[],
): void {
  if (!Array.isArray(value)) {
    if (depth !== shape.length) throw new KappaError('ERR_SHAPE', 'The nested arrays have unequal depths.');
    if (typeof value !== 'number' && typeof value !== 'boolean' && typeof value !== 'bigint') {
      throw argumentError('data', 'numbers', value);
    }
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
  for (const item of items) flatten(item, shape, depth + 1, out);
}

/** Checks a shape and returns a copy of it. */
export function checkShape(shape: readonly number[], name = 'shape'): number[] {
  if (!Array.isArray(shape)) throw argumentError(name, 'an array of sizes', shape);
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) throw argumentError(name, 'sizes of 0 or more', size);
  }
  return [...shape];
}

/** Brings what users pass as data into one form. */
export function toHostTensor(
  data: HostData | NestedNumbers,
  shape: readonly number[] | undefined,
  dtype: DType | undefined,
): HostTensor {
  if (isHostData(data)) {
    return { data, shape: shape ? checkShape(shape) : [data.length], dtype: dtype ?? naturalDtype(data) };
  }
  const found: number[] = [];
  for (let value: NestedNumbers | undefined = data; Array.isArray(value); value = value[0] as NestedNumbers) {
    found.push(value.length);
  }
  const values: (number | bigint | boolean)[] = [];
  flatten(data, found, 0, values);
  const first = values[0];
  if (dtype !== undefined && !(dtype in bytesOfDtype)) {
    throw new KappaError(
      'ERR_DTYPE',
      `Unknown dtype ${describe(dtype)}: expected ${Object.keys(bytesOfDtype).join(', ')}.`,
    );
  }
  const type =
    dtype ?? (typeof first === 'boolean' ? 'bool' : typeof first === 'bigint' ? 'int64' : 'float32');
  const stored = type === 'bfloat16' || type === 'float16' ? 'float32' : type;
  return { data: arrayTypes[stored](values), shape: shape ? checkShape(shape) : found, dtype: type };
}
