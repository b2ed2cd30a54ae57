import assert from 'node:assert/strict';
import { readFaceList } from '../../../lib/data/lists/face-list';
import { readLandmarks } from '../../../lib/data/lists/landmarks';
import type { FuzzTarget } from '../target';
import { fileIn } from './bytes';

const five = '1.5\t20\t30\t4e1\t50\t60\t70\t80\t90\t-3';
const tokens = [
  '\t',
  '\n',
  '\r\n',
  ' ',
  '0',
  '1',
  '-1',
  '1e99',
  'NaN',
  'a/b.jpg',
  '\ufeff',
  '\0',
  '16777216',
];

/** `.lst` files of both kinds. */
export const faceListTarget: FuzzTarget = {
  name: 'lst',
  about: 'lists of images (.lst) of im2rec and face2rec2',
  codes: ['ERR_DATA_CORRUPT', 'ERR_LABEL_RANGE'],
  seeds: () =>
    [
      '0\t0\ta/1.jpg\n1\t1\tb/2.jpg\n',
      '7\t3.0\t0.5\ta.png\r\n\n9\t4\t1\tb.png',
      `1\ta/1.jpg\t0\n0\tb/2.jpg\t1\t1\t2\t3\t4\n1\tc.jpg\t2\t1\t2\t3\t4\t${five}\n`,
    ].map((text) => Buffer.from(text)),
  tokens,
  maxBytes: 1 << 12,
  everydayInputs: 3_000,
  open: (scratch) => {
    const write = fileIn(scratch, 'x.lst');
    return async (input) => {
      let entries = 0;
      await readFaceList(write(input), (entry, line) => {
        entries++;
        assert.ok(line >= entries && entry.path !== '');
        assert.ok(Number.isInteger(entry.label) && entry.label >= 0 && entry.label <= 0x7fffffff);
        assert.ok(entry.points === undefined || entry.points.length === 5);
        assert.ok((entry.points ?? []).flat().every((place) => !Number.isNaN(place)));
      });
      return entries;
    };
  },
};

/** Files of landmarks. */
export const landmarksTarget: FuzzTarget = {
  name: 'landmarks',
  about: 'files of five or 68 points for each image',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: () =>
    [
      `a/1.jpg\t${five}\n`,
      `file,x1,y1\na/1.jpg,${five.replaceAll('\t', ',')}\n# no more\n`,
      `a/1.jpg ${Array.from({ length: 136 }, (_, i) => i).join(' ')} 0.99\n`,
    ].map((text) => Buffer.from(text)),
  tokens: [...tokens, ',', '#'],
  maxBytes: 1 << 12,
  everydayInputs: 3_000,
  open: (scratch) => {
    const write = fileIn(scratch, 'landmarks.txt');
    return async (input) => {
      const found = await readLandmarks(write(input));
      assert.ok(found.size > 0);
      return found.size;
    };
  },
};
