import assert from 'node:assert/strict';
import { parseRecordIndex } from '../../../lib/data/recordio';
import type { FuzzTarget } from '../target';

/** `train.idx`. */
export const recordIndexTarget: FuzzTarget = {
  name: 'idx',
  about: 'the index of a record file (.idx)',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: () =>
    ['0\t0\n1\t40\n2\t80\n', '2\t80\r\n0\t0\r\n1\t40', '4294967295\t9007199254740991\n', '7\t12\n'].map(
      (text) => Buffer.from(text),
    ),
  tokens: [
    '\t',
    '\n',
    '\r\n',
    '0\t0\n',
    '4294967295',
    '4294967296',
    '9007199254740991',
    '9007199254740992',
    '-',
  ],
  everydayInputs: 20_000,
  open: () => (input) => {
    const { keys, offsets } = parseRecordIndex(input, 'x.idx');
    assert.equal(keys.length, offsets.length);
    for (let i = 0; i < keys.length; i++) {
      assert.ok(i === 0 || keys[i]! > keys[i - 1]!, 'keys are sorted and distinct');
      assert.ok(Number.isSafeInteger(offsets[i]) && offsets[i]! >= 0, 'an offset is a safe integer');
    }
    return Math.clz32(keys.length);
  },
};
