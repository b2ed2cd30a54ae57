import assert from 'node:assert/strict';
import { readSafetensors } from '../../../lib/io/safetensors';
import type { Mutation } from '../mutations';
import type { FuzzTarget } from '../target';
import { fileIn } from './bytes';

const BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1, BOOL: 1 } as const;
const PREFIX = 8;

type DTypeName = keyof typeof BYTES;

/** A file as the format's own description says, made without the code under test. */
function file(tensors: Record<string, [DTypeName, number[]]>): Buffer {
  const header: Record<string, unknown> = { __metadata__: { made: 'by hand' } };
  let end = 0;
  for (const [name, [dtype, shape]] of Object.entries(tensors)) {
    const begin = end;
    end += shape.reduce((product, side) => product * side, BYTES[dtype]);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  return withHeader(JSON.stringify(header), Buffer.alloc(end, 1));
}

function withHeader(header: string | Buffer, data: Buffer): Buffer {
  const text = Buffer.from(header as string);
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([prefix, text, data]);
}

/** The header's text and the data behind it, as far as the length is sound. */
function parts(input: Buffer): [Buffer, Buffer] {
  const length = input.length < PREFIX ? 0n : input.readBigUInt64LE(0);
  const end = length > BigInt(input.length) ? input.length : PREFIX + Number(length);
  return [input.subarray(PREFIX, end), input.subarray(end)];
}

const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  2 ** 53,
  2 ** 31,
  '',
  'F32',
  'BOOL',
  [],
  {},
  [[]],
  { toString: 1 },
  [0, 2 ** 52, 2 ** 52],
  [0],
  [0, 8],
  Array.from({ length: 100 }, () => 1),
];

/** Replaces a value somewhere in the header's JSON. */
const setValue: Mutation = (input, random) => {
  const [text, data] = parts(input);
  let header: unknown;
  try {
    header = JSON.parse(text.toString());
  } catch {
    return Buffer.from(input);
  }
  const value = VALUES[random.below(VALUES.length)];
  for (let node = header; typeof node === 'object' && node !== null;) {
    const table = node as Record<string, unknown>;
    const keys = Object.keys(table);
    const key = keys[random.below(keys.length + 1)];
    if (key === undefined || random.below(4) === 0) {
      table[key ?? `n${random.below(10)}`] = value;
      break;
    }
    node = table[key];
    if (typeof node !== 'object') table[key] = value;
  }
  return withHeader(JSON.stringify(header), data);
};

/** A header that nests deeply. */
const nest: Mutation = (input, random, { maxBytes }) => {
  const depth = 2 ** random.below(Math.log2(maxBytes) - 3);
  const [open, close] = random.below(2) === 0 ? ['[', ']'] : ['{"a":', '}'];
  const value = `${open.repeat(depth)}1${close.repeat(depth)}`;
  const entry = ['dtype', 'shape', 'data_offsets'][random.below(3)]!;
  return withHeader(
    `{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"${entry}":${value}}}`,
    parts(input)[1],
  );
};

/** Safetensors files: the header in TypeScript, then the native reader. */
export const safetensorsTarget: FuzzTarget = {
  name: 'safetensors',
  about: 'tensor files (.safetensors)',
  codes: ['ERR_CHECKPOINT'],
  seeds: () => [
    file({ weight: ['F32', [2, 3]], bias: ['F32', [3]], steps: ['I64', []] }),
    file({ mask: ['BOOL', [4]], image: ['U8', [1, 2, 2, 3]], half: ['BF16', [2]], empty: ['F64', [0, 3]] }),
    file({}),
  ],
  tokens: [
    'dtype',
    'shape',
    'data_offsets',
    '__metadata__',
    '__proto__',
    ...Object.keys(BYTES),
    '[',
    '{',
    '"',
    '1e9',
  ],
  mutations: [setValue, setValue, nest],
  repair: (input) => withHeader(...parts(input)),
  maxBytes: 1 << 15,
  addressSpaceMiB: 12 * 1024,
  everydayInputs: 2000,
  open: (scratch) => {
    const write = fileIn(scratch, 'x.safetensors');
    return async (input) => {
      const tensors = await readSafetensors(write(input));
      try {
        let bytes = 0;
        for (const tensor of tensors.values()) bytes += tensor.size;
        assert.ok(bytes <= input.length, 'tensors hold no more than the file');
        return tensors.size;
      } finally {
        for (const tensor of tensors.values()) tensor.dispose();
      }
    };
  },
};
