import type { Xoshiro128 } from '../../lib/random';

/** What a mutation may draw from. */
export interface MutationPool {
  readonly tokens: readonly Buffer[];
  readonly corpus: readonly Buffer[];
  readonly maxBytes: number;
}

/** Makes a changed copy of an input; the input itself stays as it is. */
export type Mutation = (input: Buffer, random: Xoshiro128, pool: MutationPool) => Buffer;

const INTERESTING_BYTES = [0, 1, 0x0a, 0x20, 0x22, 0x2d, 0x30, 0x7f, 0x80, 0xfe, 0xff];
const EXTREMES = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x1fffffffn,
  0x20000000n,
  0x7fffffffn,
];
const EXTREMES_64 = [
  ...EXTREMES,
  0x80000000n,
  0xffffffffn,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
];
const NUMBERS = [
  '0',
  '-1',
  '1',
  '00',
  '255',
  '65536',
  '16777217',
  '2147483648',
  '4294967296',
  '9007199254740993',
].concat(['18446744073709551616', '1e308', '1e999', '-0', '0.5', 'NaN', '9'.repeat(40)]);

/** A position in [0, length], anywhere. */
const place = (input: Buffer, random: Xoshiro128): number => random.below(input.length + 1);

/** A non-empty range; short ranges are the likelier ones. */
function range(input: Buffer, random: Xoshiro128): [number, number] {
  if (input.length === 0) return [0, 0];
  const from = random.below(input.length);
  const longest = Math.min(input.length - from, 2 ** (1 + random.below(12)));
  return [from, from + 1 + random.below(longest)];
}

function replace(input: Buffer, from: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, from), by, input.subarray(end)]);
}

function pick<T>(values: readonly T[], random: Xoshiro128): T {
  return values[random.below(values.length)]!;
}

function randomBytes(count: number, random: Xoshiro128): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let i = 0; i < count; i++) bytes[i] = random.next() & 0xff;
  return bytes;
}

function changeByte(input: Buffer, random: Xoshiro128, change: (value: number) => number): Buffer {
  const copy = Buffer.from(input);
  if (copy.length > 0) {
    const at = random.below(copy.length);
    copy[at] = change(copy[at]!);
  }
  return copy;
}

const flipBit: Mutation = (input, random) =>
  changeByte(input, random, (value) => value ^ (1 << random.below(8)));
const setByte: Mutation = (input, random) => changeByte(input, random, () => pick(INTERESTING_BYTES, random));
const nudgeByte: Mutation = (input, random) =>
  changeByte(input, random, (value) => value + 1 - 2 * random.below(2));

/** Overwrites an integer field by an extreme, by the input's own length, or by nearly that. */
const setInteger: Mutation = (input, random) => {
  const width = pick([2, 4, 8], random);
  if (input.length < width) return flipBit(input, random, { tokens: [], corpus: [], maxBytes: 0 });
  const value =
    random.below(4) === 0 ? BigInt(input.length - 8 + random.below(16)) : pick(EXTREMES_64, random);
  const field = Buffer.alloc(8);
  const little = random.below(2) === 0;
  if (little) field.writeBigUInt64LE(BigInt.asUintN(64, value));
  else field.writeBigUInt64BE(BigInt.asUintN(64, value));
  // Half of the fields stand at a multiple of four.
  const at = random.below(input.length - width + 1);
  const copy = Buffer.from(input);
  field.copy(copy, random.below(2) === 0 ? at : at & ~3, little ? 0 : 8 - width, little ? width : 8);
  return copy;
};

const truncate: Mutation = (input, random) => input.subarray(0, place(input, random));

const deleteRange: Mutation = (input, random) => replace(input, ...range(input, random), Buffer.alloc(0));

const insertRandom: Mutation = (input, random) => {
  const at = place(input, random);
  return replace(input, at, at, randomBytes(1 + random.below(16), random));
};

const appendGarbage: Mutation = (input, random) =>
  Buffer.concat([input, randomBytes(1 + random.below(64), random)]);

const copyRange: Mutation = (input, random) => {
  const [from, end] = range(input, random);
  const at = place(input, random);
  const over = random.below(2) === 0 ? end - from : 0;
  return replace(input, at, Math.min(at + over, input.length), input.subarray(from, end));
};

/** Repeats a range up to the largest size: repeated opcodes, deep nesting, long lines. */
const repeatRange: Mutation = (input, random, { maxBytes }) => {
  const [from, end] = range(input, random);
  const room = Math.floor((maxBytes - input.length) / (end - from));
  if (!(room >= 1)) return Buffer.from(input);
  const times = 1 + random.below(Math.min(room, 2 ** random.below(17)));
  return replace(input, end, end, Buffer.alloc(times * (end - from), input.subarray(from, end)));
};

const splice: Mutation = (input, random, { corpus }) => {
  const other = pick(corpus, random);
  return Buffer.concat([input.subarray(0, place(input, random)), other.subarray(place(other, random))]);
};

const useToken: Mutation = (input, random, pool) => {
  if (pool.tokens.length === 0) return setInteger(input, random, pool);
  const token = pick(pool.tokens, random);
  const at = place(input, random);
  return replace(input, at, random.below(2) === 0 ? at : Math.min(at + token.length, input.length), token);
};

/** Replaces a number written in digits by an extreme one. */
const setDigits: Mutation = (input, random, pool) => {
  const isDigit = (at: number) => input[at]! >= 0x30 && input[at]! <= 0x39;
  let from = place(input, random);
  while (from < input.length && !isDigit(from)) from++;
  if (from >= input.length) return nudgeByte(input, random, pool);
  let end = from;
  while (end < input.length && isDigit(end)) end++;
  return replace(input, from, end, Buffer.from(pick(NUMBERS, random)));
};

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  setByte,
  nudgeByte,
  setInteger,
  setInteger,
  truncate,
  deleteRange,
  insertRandom,
  appendGarbage,
  copyRange,
  repeatRange,
  splice,
  useToken,
  useToken,
  setDigits,
];

/** A mutation that knows nothing of formats. */
export const mutate: Mutation = (input, random, pool) => pick(MUTATIONS, random)(input, random, pool);

/** Mutates one part of an input that `split` takes apart and `join` puts together. */
export function inParts(split: (input: Buffer) => Buffer[], join: (parts: Buffer[]) => Buffer): Mutation {
  return (input, random, pool) => {
    const parts = split(input);
    const at = random.below(parts.length);
    parts[at] = mutate(parts[at]!, random, pool);
    return join(parts);
  };
}
