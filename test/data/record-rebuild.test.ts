import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FaceDataset, type FaceDatasetOptions } from '../../lib/data/face-dataset';
import { rebuiltIndexPath } from '../../lib/data/recordio/open-index';
import { RECORD_DIALECTS, RecordReader, readRecordIndex } from '../../lib/data/recordio';
import { scanRecords } from '../../lib/data/recordio/scan';
import { largeLabel, writeLargeDataset } from '../support/large-dataset';
import { rejects } from '../support/assert';
import { anyBytes, makeDataset, makeRaw } from '../support/faces';
import { temporaryFolder } from '../support/folder';

describe('an index made anew', () => {
  const folder = temporaryFolder();
  let made = 0;
  const place = () => path.join(folder, String(made++));
  const idxOf = (root: string) => path.join(root, 'train.idx');

  /** Opens a set and gives its images, and what was said meanwhile. */
  async function contents(root: string, options: FaceDatasetOptions = {}) {
    const said: string[] = [];
    const set = await FaceDataset.open(root, { onMessage: (text) => said.push(text), ...options });
    const samples = Array.from({ length: set.length }, (_, i) => {
      const { label, image } = set.read(i);
      return `${label} ${image.toString('latin1')}`;
    });
    set.close();
    return { samples, said: said.join('\n') };
  }

  it('is the lost one, line for line, says so, and is kept (face2rec2)', async () => {
    const root = await makeDataset(place(), [3, 1, 2], anyBytes);
    const [lost, expected] = [readFileSync(idxOf(root)), await contents(root)];
    assert.equal(expected.said, '');
    rmSync(idxOf(root));
    const found = await contents(root);
    assert.deepEqual(found.samples, expected.samples);
    assert.match(found.said, /train\.idx is missing.*scan[^]*10 records.*kept as .*train\.idx/);
    assert.deepEqual(readFileSync(idxOf(root)), lost);
    assert.equal((await contents(root)).said, '');
  });

  it('has the keys that the records carry, in whatever order they stand (im2rec)', async () => {
    const records = [7, 3, 9, 4].map((key) => ({ key, label: key % 2, image: anyBytes(key) }));
    const root = await makeRaw(place(), records, '2,112,112');
    const expected = await contents(root, { cache: false });
    rmSync(idxOf(root));
    assert.deepEqual((await contents(root)).samples, expected.samples);
    assert.deepEqual([...(await readRecordIndex(idxOf(root))).keys], [3, 4, 7, 9]);
  });

  it('counts the records where their ids are not distinct', async () => {
    const magic = Buffer.alloc(4);
    magic.writeUInt32LE(RECORD_DIALECTS.dmlc.magic);
    const root = await makeRaw(
      place(),
      [0, 1, 2].map((key) => ({
        key,
        label: 0,
        image: Buffer.concat([anyBytes(key), Buffer.alloc(1), magic]),
      })),
      '1,112,112',
    );
    const rec = path.join(root, 'train.rec');
    const bytes = readFileSync(rec);
    const { offsets } = await readRecordIndex(idxOf(root));
    for (const offset of offsets) bytes.fill(0, offset + 16, offset + 24);
    writeFileSync(rec, bytes);
    const index = await scanRecords(rec);
    assert.deepEqual([...index.keys], [0, 1, 2]);
    assert.deepEqual([...index.offsets], [...offsets]); // split records and all
  });

  it('is not made in the place of one of another set: the error names both, and what to do', async () => {
    const uneven = (number: number) => Buffer.alloc(50 + ((number * 37) % 91), 2);
    const root = await makeDataset(place(), [31, 9, 20], uneven);
    const expected = await contents(root);
    for (const [counts, bytes] of [
      [[20, 11], 500], // longer than this one
      [[3, 4], 122],
    ] as const) {
      const other = await makeDataset(place(), counts, () => Buffer.alloc(bytes, 1));
      const foreign = readFileSync(idxOf(other), 'latin1');
      writeFileSync(idxOf(root), foreign);
      await rejects(
        FaceDataset.open(root),
        'ERR_DATA_CORRUPT',
        /train\.idx belongs to another file than .*train\.rec.*remove it/,
      );
      assert.equal(readFileSync(idxOf(root), 'latin1'), foreign);
      assert.ok(!existsSync(rebuiltIndexPath(idxOf(root))));
    }
    rmSync(idxOf(root));
    assert.deepEqual((await contents(root)).samples, expected.samples);
  });

  it('is not made in the place of one that names a record twice, in whatever order', async () => {
    const records = [0, 1, 2, 3].map((key) => ({ key, label: 0, image: anyBytes(key) }));
    const root = await makeRaw(place(), records, '1,112,112');
    const lines = readFileSync(idxOf(root), 'latin1').trimEnd().split('\n');
    const offsets = lines.map((line) => line.split('\t')[1]!);
    for (const [order, message] of [
      [[0, 1, 1, 3], /puts both record 1 and record 2 at byte/],
      [[3, 0, 1, 0], /puts both record 1 and record 3 at byte 0/],
    ] as const) {
      const text = order.map((from, key) => `${key}\t${offsets[from]}\n`).join('');
      writeFileSync(idxOf(root), text);
      await rejects(FaceDataset.open(root), 'ERR_DATA_CORRUPT', message);
      assert.equal(readFileSync(idxOf(root), 'latin1'), text);
    }
    // In another order than the keys' is fine.
    writeFileSync(idxOf(root), [3, 0, 2, 1].map((from, key) => `${key}\t${offsets[from]}\n`).join(''));
    assert.equal((await contents(root)).samples.length, 4);
  });

  it('stands in for that of an older, shorter file, and for one that is no index', async () => {
    const records = [0, 1, 2, 3].map((key) => ({ key, label: 0, image: anyBytes(key) }));
    const root = await makeRaw(place(), records, '1,112,112');
    const { samples } = await contents(root);
    const lines = readFileSync(idxOf(root), 'latin1').split('\n');
    writeFileSync(idxOf(root), `${lines.slice(0, 3).join('\n')}\n`);
    const found = await contents(root);
    assert.deepEqual(found.samples, samples);
    assert.match(found.said, /last record ends at byte \d+, but the file has \d+ bytes/);
    assert.equal(readFileSync(idxOf(root), 'latin1'), `${lines.slice(0, 3).join('\n')}\n`);
    assert.ok(existsSync(rebuiltIndexPath(idxOf(root))));
    const again = await contents(root);
    assert.deepEqual(again.samples, samples);
    assert.match(again.said, /earlier scan is used/);
    await rejects(
      FaceDataset.open(root, { rebuildIndex: false }),
      'ERR_DATA_CORRUPT',
      /belongs to an older .*rec/,
    );
    rmSync(rebuiltIndexPath(idxOf(root)));
    writeFileSync(idxOf(root), 'something else');
    assert.deepEqual((await contents(root)).samples, samples);
  });

  it('is not made of a truncated file: the error names the byte', async () => {
    const root = await makeDataset(place(), [3, 1, 2], anyBytes);
    const rec = path.join(root, 'train.rec');
    const good = readFileSync(rec);
    const { offsets } = await readRecordIndex(idxOf(root));
    writeFileSync(rec, good.subarray(0, offsets[5]! + 20));
    await rejects(
      FaceDataset.open(root),
      'ERR_DATA_CORRUPT',
      /record at byte .*the file ends \d+ bytes later: the file is truncated/,
    );
    writeFileSync(rec, good.subarray(0, offsets[5]));
    await rejects(
      FaceDataset.open(root),
      'ERR_DATA_CORRUPT',
      /train\.rec is truncated: .*5 of 10 records beyond/,
    );
    writeFileSync(rec, good.subarray(0, offsets[5]! + 20));
    rmSync(idxOf(root));
    const at = new RegExp(`record at byte ${offsets[5]}: .*truncated.*train\\.idx is missing`);
    await rejects(FaceDataset.open(root), 'ERR_DATA_CORRUPT', at);
    assert.ok(!existsSync(idxOf(root)));
    writeFileSync(rec, good.subarray(0, offsets[5])); // cut between two records: the header knows better
    await rejects(
      FaceDataset.open(root),
      'ERR_DATA_CORRUPT',
      /announces records 0 to 9.* 5 entries.*truncated/,
    );
  });

  it('says where a file stops being records', async () => {
    const root = await makeDataset(place(), [2], anyBytes);
    const rec = path.join(root, 'train.rec');
    const good = readFileSync(rec);
    rmSync(idxOf(root));
    writeFileSync(rec, Buffer.concat([good, Buffer.from('more')]));
    await rejects(
      FaceDataset.open(root),
      'ERR_DATA_CORRUPT',
      new RegExp(`byte ${good.length}: .*head of a record`),
    );
    writeFileSync(rec, Buffer.concat([good, Buffer.from('more text')]));
    await rejects(
      FaceDataset.open(root),
      'ERR_DATA_CORRUPT',
      new RegExp(`byte ${good.length}: no record begins`),
    );
    writeFileSync(rec, 'this is no RecordIO file');
    await rejects(FaceDataset.open(root), 'ERR_DATA_CORRUPT', /record at byte 0: no record begins/);
    writeFileSync(rec, '');
    await rejects(FaceDataset.open(root), 'ERR_DATA_CORRUPT', /empty/);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const root = await makeDataset(place(), [2], anyBytes);
    rmSync(idxOf(root));
    const signal = AbortSignal.abort();
    await rejects(FaceDataset.open(root, { signal }), 'ERR_CANCELLED', /interrupted at byte 0/);
    assert.ok(!existsSync(idxOf(root)));
  });

  for (const layout of ['face2rec2', 'im2rec'] as const)
    it(`finds records beyond four gigabytes, and gives large sets their labels (${layout})`, async () => {
      const options = { images: 20_000, classes: 700, layout, holes: 9 };
      const root = writeLargeDataset(place(), options);
      const given = await readRecordIndex(idxOf(root));
      assert.ok(given.offsets.at(-1)! > 2 ** 32);
      rmSync(idxOf(root));
      let progress = 0;
      const set = await FaceDataset.open(root, { onProgress: () => progress++ });
      assert.deepEqual((await readRecordIndex(idxOf(root))).offsets, given.offsets);
      assert.equal(set.length, options.images);
      for (const i of [0, 8, 9, 777, 19_999]) assert.equal(set.labels[i], largeLabel(i, options));
      assert.equal(set.read(19_999).label, 699);
      assert.ok(progress >= 9);
      set.close();
    });

  it('is checked by what records say, not by what stands beside them', async () => {
    const root = await makeDataset(place(), [1, 1], anyBytes);
    const reader = RecordReader.open(path.join(root, 'train.rec'));
    const { offsets } = await readRecordIndex(idxOf(root));
    for (const offset of offsets) assert.ok(reader.beginsRecord(offset));
    for (const offset of [2, 4, 8, reader.size, reader.size + 4, -4, NaN])
      assert.ok(!reader.beginsRecord(offset));
    reader.close();
  });
});
