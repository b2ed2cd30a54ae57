import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { labelCachePath, readLabelCache } from '../../lib/data/layout/label-cache';
import { parseProperty } from '../../lib/data/layout/property';
import { parseVerificationSet } from '../../lib/data/protocols/verification-set';
import { temporaryFolder } from '../support/folder';

describe('hostile data files', () => {
  const folder = temporaryFolder();

  it('cannot make memory be taken for classes that no label can count to', () => {
    assert.equal(parseProperty(Buffer.from('16777216,112,112\n'), 'p').numClasses, 2 ** 24);
    for (const text of ['16777217,112,112', '999999999,1,1', `1,1,1${' '.repeat(1000)}`])
      assert.throws(() => parseProperty(Buffer.from(text), 'p'), { code: 'ERR_DATA_CORRUPT' });
  });

  it('cannot put negative labels into the cache, whatever its checksum says', async () => {
    const rec = path.join(folder, 'train.rec');
    const body = Buffer.alloc(8);
    const read = async (label: number) => {
      body.writeInt32LE(label, 4);
      const check = Buffer.alloc(4);
      check.writeUInt32LE(crc32(body));
      writeFileSync(labelCachePath(rec), Buffer.concat([Buffer.from('kappa-index 1\nstamp\n'), check, body]));
      return readLabelCache(rec, 'stamp', 2);
    };
    assert.deepEqual(await read(5), Int32Array.of(0, 5));
    assert.equal(await read(-5), undefined);
  });

  it('cannot fill memory with the objects of a pickle, even where its stack stays low', () => {
    const pickle = Buffer.concat([Buffer.from(']'), Buffer.alloc(2 * (2 ** 23 + 1), 'Na'), Buffer.from('.')]);
    assert.throws(() => parseVerificationSet(pickle, 'x.bin'), /more objects than a verification set/);
  });
});
