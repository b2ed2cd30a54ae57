import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { openFeatureFiles, openFeatureTable, writeNpy } from '../../lib';
import { featureFilesBelow, featuresInMemory } from '../../lib/io/feature-rows';
import { openNpy } from '../../lib/io/npy';
import { writeOpencvMatrix } from '../../lib/io/opencv-matrix';
import { temporaryFolder, writeFile } from '../support/folder';

/** An OpenCV dump, written by its description. */
function dump(rows: number, columns: number, type: 5 | 6, values: readonly number[]): Buffer {
  const width = type === 5 ? 4 : 8;
  const bytes = Buffer.alloc(16 + values.length * width);
  [rows, columns, columns * width, type].forEach((value, i) => bytes.writeInt32LE(value, 4 * i));
  for (const [i, value] of values.entries())
    if (type === 5) bytes.writeFloatLE(value, 16 + 4 * i);
    else bytes.writeDoubleLE(value, 16 + 8 * i);
  return bytes;
}

describe('features in pieces', () => {
  const folder = temporaryFolder();
  const rows = (...all: number[]): Uint32Array => Uint32Array.from(all);

  it('are read from a file each: one row or one column, float32 or float64', async () => {
    const root = path.join(folder, 'files');
    writeFile(root, 'a/x.png_r50.bin', dump(3, 1, 5, [1, 2, 3]));
    writeFile(root, 'a/y.png_r50.bin', dump(1, 3, 5, [4, 5, 6]));
    writeFile(root, 'b/z.png_r50.bin', dump(3, 1, 6, [7, 8, 9]));
    writeFile(root, 'b/z.png_other.bin', dump(3, 1, 5, [0, 0, 0]));
    const names = await featureFilesBelow(root, '_r50.bin');
    assert.deepEqual(names, ['a/x.png', 'a/y.png', 'b/z.png']);
    const features = await openFeatureFiles(root, names, '_r50.bin');
    assert.deepEqual([features.count, features.dimension], [3, 3]);
    const read = await features.read(rows(0, 2));
    assert.deepEqual([...read], [1, 2, 3, 7, 8, 9]);
    assert.ok(read.buffer instanceof SharedArrayBuffer);
    const many = await features.read(Uint32Array.from({ length: 300 }, (_, i) => Math.floor(i / 100)));
    assert.deepEqual([many.length, many[0], many[899]], [900, 1, 9]);
    const stop = new AbortController();
    stop.abort();
    await assert.rejects(features.read(rows(0), { signal: stop.signal }), { code: 'ERR_CANCELLED' });
  });

  it('say which file is missing, damaged, or of another model', async () => {
    const root = path.join(folder, 'broken');
    const good = dump(3, 1, 5, [1, 2, 3]);
    writeFile(root, 'good.bin', good);
    writeFile(root, 'long.bin', dump(4, 1, 5, [1, 2, 3, 4]));
    writeFile(root, 'square.bin', dump(2, 2, 5, [1, 2, 3, 4]));
    writeFile(root, 'cut.bin', good.subarray(0, 24));
    writeFile(root, 'short.bin', good.subarray(0, 9));
    writeFile(root, 'bytes.bin', Buffer.concat([good.subarray(0, 12), Buffer.alloc(16)]));
    const refuses = async (name: string, code: string, message: RegExp): Promise<void> => {
      const features = await openFeatureFiles(root, ['good', name], '.bin');
      await assert.rejects(features.read(rows(0, 1)), { code, message });
    };
    await refuses('none', 'ERR_DATA_NOT_FOUND', /none\.bin/);
    await refuses('long', 'ERR_DATA_CORRUPT', /long\.bin has 4 numbers, but .*good\.bin has 3/);
    await refuses('square', 'ERR_DATA_CORRUPT', /2 x 2 numbers; a feature is one row or one column/);
    await refuses('cut', 'ERR_DATA_CORRUPT', /cut\.bin.* it has 24 bytes/);
    await refuses('short', 'ERR_DATA_CORRUPT', /short\.bin.* header alone 16/);
    await refuses('bytes', 'ERR_DATA_CORRUPT', /type 0; 5 \(float32\) or 6/);
    await assert.rejects(openFeatureFiles(root, ['none'], '.bin'), { code: 'ERR_DATA_NOT_FOUND' });
    await assert.rejects(featureFilesBelow(root, '.npz'), {
      code: 'ERR_DATA_NOT_FOUND',
      message: /No file in .* ends in \.npz/,
    });
    await assert.rejects(featureFilesBelow(path.join(root, 'none'), '.bin'), { code: 'ERR_DATA_NOT_FOUND' });
  });

  it('are read from a matrix by the names of its rows', async () => {
    const file = path.join(folder, 'x.npy');
    const data = Float32Array.from({ length: 20 }, (_, i) => i);
    await writeNpy(file, { data, rows: 10, columns: 2 });
    const index = Array.from({ length: 10 }, (_, i) => `n${i}`);
    const wanted = ['n7', 'n3', 'n4', 'n5', 'n0'];
    const features = await openFeatureTable(file, index, wanted);
    assert.deepEqual([features.count, features.dimension], [5, 2]);
    assert.deepEqual([...(await features.read(rows(0, 1, 2, 4)))], [14, 15, 6, 7, 8, 9, 0, 1]);
    await features.close();
    const whole = await openFeatureTable(file, index, index);
    assert.deepEqual([...(await whole.read(rows(0, 1, 2, 9)))], [0, 1, 2, 3, 4, 5, 18, 19]);
    await whole.close();
    await assert.rejects(openFeatureTable(file, index, ['n11']), {
      code: 'ERR_DATA_NOT_FOUND',
      message: /no features of n11, by its index/,
    });
    await assert.rejects(openFeatureTable(file, index.slice(1), ['n1']), {
      code: 'ERR_DATA_CORRUPT',
      message: /10 rows, but its index names 9/,
    });
    const table = await openNpy(file);
    const some = new Float32Array(4);
    await table.read(8, some);
    assert.deepEqual([...some], [16, 17, 18, 19]);
    await table.close();
  });

  it('are used as they lie where they are in shared memory', async () => {
    const data = new Float32Array(new SharedArrayBuffer(4 * 6));
    data.set([1, 2, 3, 4, 5, 6]);
    const features = featuresInMemory(data, 3);
    const read = await features.read(rows(1, 2));
    assert.deepEqual([...read], [3, 4, 5, 6]);
    assert.equal(read.buffer, data.buffer);
    assert.deepEqual([...(await features.read(rows(0, 2)))], [1, 2, 5, 6]);
    assert.deepEqual([...(await featuresInMemory(Float32Array.of(1, 2), 2).read(rows(0, 1)))], [1, 2]);
  });

  it('are dumped as OpenCV does it', async () => {
    const file = path.join(folder, 'one.bin');
    await writeOpencvMatrix(file, Float32Array.of(1, -2.5), { rows: 2, columns: 1 });
    assert.deepEqual(readFileSync(file), dump(2, 1, 5, [1, -2.5]));
  });
});
