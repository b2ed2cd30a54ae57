import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parseVerificationSet } from '../../../lib/data/protocols/verification-set';
import type { Mutation } from '../mutations';
import type { FuzzTarget } from '../target';

const FIXTURES = path.join(__dirname, '..', '..', 'fixtures', 'pickle');
const OPCODES = Buffer.from(
  '(0125.BCDFGIJKLMNPQRSTUVX]abcdeghijlopqrstu})\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b' +
    '\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98',
  'latin1',
);
const NAMES = [
  'numpy.core.multiarray\n_reconstruct\n',
  'numpy._core.numeric\n_frombuffer\n',
  'numpy.core.multiarray\nscalar\n',
  'numpy\nndarray\n',
  'numpy\ndtype\n',
  '_codecs\nencode\n',
  'builtins\neval\n',
];

/** Repeats one opcode or a pair of them: deep nesting, a long memo, growing lists. */
const repeatOpcodes: Mutation = (input, random, { maxBytes }) => {
  const word = OPCODES.subarray(0, 0);
  const opcodes = Buffer.concat([
    word,
    ...Array.from({ length: 1 + random.below(3) }, () => opcode(random.below)),
  ]);
  const at = random.below(input.length + 1);
  const count = Math.min(2 ** random.below(16), Math.floor((maxBytes - input.length) / opcodes.length));
  return Buffer.concat([
    input.subarray(0, at),
    Buffer.alloc(Math.max(0, count) * opcodes.length, opcodes),
    input.subarray(at),
  ]);
  function opcode(below: (bound: number) => number): Buffer {
    const i = below.call(random, OPCODES.length);
    return OPCODES.subarray(i, i + 1);
  }
};

/** `lfw.bin` and its like. */
export const pickleTarget: FuzzTarget = {
  name: 'pickle',
  about: 'verification sets (.bin, a Python pickle)',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: () => readdirSync(FIXTURES).map((name) => readFileSync(path.join(FIXTURES, name))),
  tokens: [...OPCODES.toString('latin1'), ...NAMES.map((name) => `c${name}`), 'I00\n', 'I01\n', 'q\0', 'h\0'],
  mutations: [repeatOpcodes],
  maxBytes: 1 << 14,
  everydayInputs: 8000,
  open: () => (input) => {
    const { images, isSame } = parseVerificationSet(input, 'x.bin');
    assert.equal(images.length, 2 * isSame.length);
    assert.ok(images.every((image) => Buffer.isBuffer(image) && image.length > 0));
    assert.ok(isSame.every((same) => typeof same === 'boolean'));
    return images.length;
  },
};
