import { types } from 'node:util';

import { KappaError, describe } from '../errors';
import type { DType, HostArray, HostElements } from '../native/contract';

/** Arrays whose elements a tensor may be made of; a Uint16Array may hold the bits of a half type. */
export type HostData = HostElements | BigUint64Array | Uint32Array | Int16Array | Int8Array;

/** What a TypedArray is by name, wherever it was made: an array of another realm is no instance of our classes. */
type ArrayName = keyof typeof NATURAL_DTYPE;

/** The element type that an array stands for by itself. A Uint16Array may hold numbers, or the bits of a half type. */
const NATURAL_DTYPE = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Float16Array: 'float16',
  BigInt64Array: 'int64',
  BigUint64Array: 'int64',
  Int32Array: 'int32',
  Uint32Array: 'int64',
  Int16Array: 'int32',
  Int8Array: 'int32',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Uint16Array: undefined,
} as const;

/** Arrays whose bytes the addon takes as they are, for which element types. */
const STORED_AS: Partial<Record<ArrayName, readonly DType[]>> = {
  Float32Array: ['float32'],
  Float64Array: ['float64'],
  BigInt64Array: ['int64'],
  Int32Array: ['int32'],
  Uint8Array: ['uint8'],
  Uint8ClampedArray: ['uint8'],
  Uint16Array: ['bfloat16', 'float16'],
};

/** How an element type is stored on its way into the addon, and which values it can hold. */
interface Holder {
  make(length: number): HostElements;
  /** The value as it is stored; undefined where the type cannot hold it. */
  take(value: unknown): number | bigint | undefined;
  expected: string;
}

const toNumber = (value: unknown): number | undefined => {
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : undefined;
};

/** Rounds; but what is finite must stay so. */
const floating = (make: Holder['make'], round: (value: number) => number, most: string): Holder => ({
  make,
  take: (value) => {
    const number = toNumber(value);
    if (number === undefined) return undefined;
    // Of a bigint beyond float64 comes Infinity at once.
    if (Number.isFinite(round(number))) return number;
    return typeof value === 'number' && !Number.isFinite(number) ? number : undefined;
  },
  expected: `numbers up to ${most}, Infinity or NaN`,
});

/** `limit`: from there on a half type rounds to infinity. */
const half = (limit: number, most: string): Holder =>
  floating(
    (length) => new Float32Array(length),
    (value) => (Math.abs(Math.fround(value)) < limit ? value : NaN),
    most,
  );

const integer = (make: Holder['make'], low: number, high: number): Holder => ({
  make,
  take: (value) => {
    const number = toNumber(value);
    return Number.isInteger(number) && number! >= low && number! <= high ? number : undefined;
  },
  expected: `integers from ${low} to ${high}`,
});

const HOLDERS: Readonly<Record<DType, Holder>> = {
  float32: floating((length) => new Float32Array(length), Math.fround, '3.4e38'),
  float64: floating(
    (length) => new Float64Array(length),
    (value) => value,
    '1.8e308',
  ),
  bfloat16: half((2 - 2 ** -8) * 2 ** 127, '3.39e38'),
  float16: half(65520, '65504'),
  int64: {
    make: (length) => new BigInt64Array(length),
    take: (value) => {
      if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? value : undefined;
      const number = toNumber(value);
      return Number.isSafeInteger(number) ? BigInt(number!) : undefined;
    },
    expected: 'integers of at most 64 bits (as bigint beyond 2^53 - 1, where numbers are not exact)',
  },
  int32: integer((length) => new Int32Array(length), -(2 ** 31), 2 ** 31 - 1),
  uint8: integer((length) => new Uint8Array(length), 0, 255),
  bool: { ...integer((length) => new Uint8Array(length), 0, 1), expected: 'true, false, 0 or 1' },
};

/** A TypedArray of any kind and realm. */
export function isTypedArray(value: unknown): value is HostData {
  return types.isTypedArray(value);
}

function nameOf(data: HostData): ArrayName {
  // The tag is read from the array's own kind; a subclass such as Buffer has that of its parent.
  return data[Symbol.toStringTag] as ArrayName;
}

const OUTPUT_ARRAYS = { Float32Array, Float64Array, BigInt64Array, Int32Array, Uint8Array };

/** The array on its memory as one of this realm's: the addon knows the main one only. */
export function ofThisRealm(array: HostArray): HostArray {
  const kind = OUTPUT_ARRAYS[nameOf(array) as keyof typeof OUTPUT_ARRAYS];
  if (array instanceof kind) return array;
  const { buffer, byteOffset, length } = array as HostArray;
  return new kind(buffer as ArrayBuffer, byteOffset, length);
}

/** @throws KappaError `ERR_DTYPE` */
export function naturalDtype(data: HostData): DType {
  const dtype = NATURAL_DTYPE[nameOf(data)] as DType | undefined;
  if (dtype !== undefined) return dtype;
  const why =
    nameOf(data) === 'Uint16Array'
      ? 'A Uint16Array holds bits or numbers: say dtype bfloat16 or float16 for bits, another for numbers.'
      : `The elements of a ${nameOf(data)} are not known here.`;
  throw new KappaError('ERR_DTYPE', why);
}

/**
 * Brings elements into the array that the addon takes for an element type; an array that is one already is passed on.
 *
 * @param place names the place of an element in what the user gave
 * @throws KappaError `ERR_ARGUMENT` for the first value that the type cannot hold
 */
export function storeElements(
  values: HostData | readonly unknown[],
  dtype: DType,
  place: (index: number) => string,
): HostElements {
  if (isTypedArray(values) && STORED_AS[nameOf(values)]?.includes(dtype)) return values as HostElements;
  const { make, take, expected } = HOLDERS[dtype];
  const stored = make(values.length);
  for (let i = 0; i < values.length; i++) {
    const element = take(values[i]);
    if (element === undefined) {
      throw new KappaError(
        'ERR_ARGUMENT',
        `Expected ${expected} for elements of type ${dtype} but received ${describe(values[i])} at ${place(i)}.`,
      );
    }
    stored[i] = element;
  }
  return stored;
}
