import assert from 'node:assert/strict';
import { readGroupList } from '../../../lib/data/protocols/group-list';
import { readYtfSplits } from '../../../lib/data/protocols/ytf';
import { readOpencvMatrix } from '../../../lib/io/opencv-matrix';
import type { FuzzTarget } from '../target';
import { fileIn, u32 } from './bytes';

const tokens = ['\t', '\n', '\r\n', ' ', ',', '0', '1', '-1', '/', 'A/0', '#', '\ufeff', '\0'];

/** Pairs of videos of YouTube Faces. */
export const ytfTarget: FuzzTarget = {
  name: 'ytf',
  about: 'splits of YouTube Faces',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: () =>
    [
      'split number, second number, first name, second name, is same\n1, 1, A/0, B/1, 0\n2, 1, A_B/0, A_B/12, 1\n',
      '1,1,A/0,B/1,0,x\r\n\r\n2,2,A/0,A/1,1\r\n2,3,C/0,A/1,0',
    ].map((text) => Buffer.from(text)),
  tokens,
  maxBytes: 1 << 12,
  everydayInputs: 3_000,
  open: (scratch) => {
    const write = fileIn(scratch, 'splits.txt');
    return async (input) => {
      const { videos, pairs, folds } = await readYtfSplits(write(input));
      assert.ok(folds.length >= 2 && folds[0]!.start === 0 && folds.at(-1)!.end === pairs.length);
      assert.ok(pairs.every(({ first, second }) => first < videos.length && second < videos.length));
      return pairs.length;
    };
  },
};

/** Groups of people. */
export const groupsTarget: FuzzTarget = {
  name: 'groups',
  about: 'lists of the groups of people',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: () =>
    ['a\told\nb/1.jpg\tnew\n', '# who\r\na,old\r\nb,new', 'a old\n\nb new\n'].map((text) =>
      Buffer.from(text),
    ),
  tokens,
  maxBytes: 1 << 12,
  everydayInputs: 3_000,
  open: (scratch) => {
    const write = fileIn(scratch, 'groups.txt');
    return async (input) => {
      const groups = await readGroupList(write(input));
      return [groups.groupOf('a'), groups.groupOf('b/1.jpg'), groups.groupOf('/')].filter(Boolean).length;
    };
  },
};

/** Features as MegaFace's devkit has them. */
export const opencvTarget: FuzzTarget = {
  name: 'opencv',
  about: 'dumps of OpenCV matrices (.bin)',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: () => [
    Buffer.concat([u32(3, 1, 4, 5), Buffer.alloc(12, 1)]),
    Buffer.concat([u32(1, 2, 16, 6), Buffer.alloc(16, 2)]),
    Buffer.concat([u32(2, 1, 12, 5), Buffer.alloc(24, 3)]),
  ],
  tokens: [],
  maxBytes: 1 << 10,
  everydayInputs: 3_000,
  open: (scratch) => {
    const write = fileIn(scratch, 'feature.bin');
    return async (input) => {
      const { data, rows, columns } = await readOpencvMatrix(write(input));
      assert.equal(data.length, rows * columns);
      assert.ok(16 + 4 * data.length <= input.length);
      return data.length;
    };
  },
};
