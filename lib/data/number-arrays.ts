type Numbers = Uint8Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** The same numbers in a longer array, for lists whose length is known only at their end. */
export function resized<T extends Numbers>(values: T, length: number): T {
  const larger = new (values.constructor as new (length: number) => T)(length);
  larger.set(values);
  return larger;
}

/** The same numbers in an array of twice the length. */
export function doubled<T extends Numbers>(values: T): T {
  return resized(values, 2 * values.length);
}

/** 0, 1, 2, ... */
export function range(length: number): Uint32Array {
  const numbers = new Uint32Array(length);
  for (let i = 0; i < length; i++) numbers[i] = i;
  return numbers;
}
