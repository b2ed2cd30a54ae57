import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { readNpy, writeNpy } from '../../lib';
import { temporaryFolder } from '../support/folder';

/** What numpy.save wrote of arange(6): float32 (2, 3); float64 (3, 2), of eighths; and what is no such matrix. */
const float32 =
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAg' +
  'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBA' +
  'AACAQAAAoEA=';
const float64 =
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsIDIpLCB9ICAg' +
  'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAMA/' +
  'AAAAAAAA0D8AAAAAAADYPwAAAAAAAOA/AAAAAAAA5D8=';
const fortran =
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAg' +
  'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAABAQAAAgD8AAIBA' +
  'AAAAQAAAoEA=';

describe('.npy files', () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'matrix.npy');
  const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');

  it('are read as NumPy wrote them, float64 as float32', async () => {
    writeFileSync(file, bytes(float32));
    const read = await readNpy(file);
    assert.deepEqual([read.rows, read.columns, ...read.data], [2, 3, 0, 1, 2, 3, 4, 5]);
    assert.ok(read.data.buffer instanceof SharedArrayBuffer);
    writeFileSync(file, bytes(float64));
    const { rows, columns, data } = await readNpy(file);
    assert.deepEqual([rows, columns, ...data], [3, 2, 0, 0.125, 0.25, 0.375, 0.5, 0.625]);
  });

  it('are written as NumPy writes them, to the byte', async () => {
    await writeNpy(file, { data: Float32Array.of(0, 1, 2, 3, 4, 5), rows: 2, columns: 3 });
    assert.deepEqual(readFileSync(file), bytes(float32));
    assert.deepEqual(readdirSync(folder), ['matrix.npy']);
  });

  it('are refused by what they are instead', async () => {
    const whole = bytes(float32);
    const text = (from: string, to: string): Buffer =>
      Buffer.from(whole.toString('latin1').replace(from, to), 'latin1');
    const cases: [Buffer, RegExp][] = [
      [Buffer.from('version https://git-lfs'), /does not begin as a \.npy file/],
      [Buffer.alloc(4), /ends too early/],
      [whole.subarray(0, 60), /ends too early/],
      [whole.subarray(0, whole.length - 1), /has 151 bytes, but 2 x 3 numbers need 152\. It is cut off/],
      [Buffer.concat([whole, Buffer.alloc(4)]), /something follows/],
      [text('<f4', '<i4'), /of type <i4; float32/],
      [text('(2, 3)', '(6,)  '), /shape is \(6\); a matrix is needed/],
      [text('(2, 3)', '(-2,3)'), /a matrix is needed/],
      [text("'descr'", "'other'"), /its header is damaged/],
      [text('\x01\x00', '\x09\x00'), /version 9/],
      [bytes(fortran), /ascontiguousarray/],
    ];
    for (const [content, message] of cases) {
      writeFileSync(file, content);
      await assert.rejects(readNpy(file), { code: 'ERR_DATA_CORRUPT', message });
    }
    await assert.rejects(readNpy(path.join(folder, 'none.npy')), { code: 'ERR_DATA_NOT_FOUND' });
  });
});
