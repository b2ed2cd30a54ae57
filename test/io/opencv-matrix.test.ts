import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { readOpencvMatrix, writeOpencvMatrix } from '../../lib/io/opencv-matrix';
import { rejects } from '../support/assert';
import { temporaryFolder } from '../support/folder';

describe('OpenCV matrices', () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'feature.bin');

  /** A header and what follows, byte by byte. */
  const write = (header: readonly number[], body: Buffer): void => {
    const head = Buffer.alloc(16);
    header.forEach((value, i) => head.writeInt32LE(value, 4 * i));
    writeFileSync(file, Buffer.concat([head, body]));
  };
  const floats = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * values.length);
    values.forEach((value, i) => bytes.writeFloatLE(value, 4 * i));
    return bytes;
  };

  it('are written as a column of float32, byte for byte', async () => {
    await writeOpencvMatrix(file, Float32Array.of(1, -2), { rows: 2, columns: 1 });
    const expected = '02000000' + '01000000' + '04000000' + '05000000' + '0000803f' + '000000c0';
    assert.equal(readFileSync(file).toString('hex'), expected);
    const { data, rows, columns } = await readOpencvMatrix(file);
    assert.deepEqual([[...data], rows, columns], [[1, -2], 2, 1]);
  });

  it('are read as rows, as columns, with wide rows, and of float64', async () => {
    write([1, 3, 12, 5], floats(1, 2, 3));
    assert.deepEqual([...(await readOpencvMatrix(file)).data], [1, 2, 3]);
    // Rows of two numbers, with room for three.
    write([2, 2, 12, 5], floats(1, 2, 99, 3, 4, 99));
    assert.deepEqual([...(await readOpencvMatrix(file)).data], [1, 2, 3, 4]);
    const doubles = Buffer.alloc(16);
    doubles.writeDoubleLE(0.5, 0);
    doubles.writeDoubleLE(-0.25, 8);
    write([2, 1, 8, 6], doubles);
    assert.deepEqual([...(await readOpencvMatrix(file)).data], [0.5, -0.25]);
  });

  it('say what is wrong with them', async () => {
    for (const [header, body, message] of [
      [[2, 1, 4, 5], floats(1), /has 20 bytes, but 2 rows of 4 bytes need 24/],
      [[1, 1, 4, 5], floats(1, 2), /has 24 bytes/],
      [[1, 1, 4, 0], floats(1), /type 0; 5 \(float32\) or 6/],
      [[1, 2, 4, 5], floats(1), /1 x 2 numbers in rows of 4 bytes/],
      [[-1, 1, 4, 5], floats(), /-1 x 1/],
    ] as const) {
      write(header, body);
      await rejects(readOpencvMatrix(file), 'ERR_DATA_CORRUPT', message);
    }
    writeFileSync(file, 'short');
    await rejects(readOpencvMatrix(file), 'ERR_DATA_CORRUPT', /has 5 bytes, and its header alone 16/);
    await rejects(readOpencvMatrix(`${file}x`), 'ERR_DATA_NOT_FOUND');
    await rejects(writeOpencvMatrix(file, new Float32Array(3), { rows: 2, columns: 1 }), 'ERR_SHAPE');
    await rejects(writeOpencvMatrix(folder, new Float32Array(2), { rows: 2, columns: 1 }), 'ERR_IO');
  });
});
