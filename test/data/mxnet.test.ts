import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { FaceDataset } from '../../lib/data/face-dataset';
import { RecordReader, readRecordIndex } from '../../lib/data/recordio';
import { scanRecords } from '../../lib/data/recordio/scan';
import { writeFaceDataset } from '../../lib/data/layout/face-dataset-writer';
import { readAsMxnet, unpackAsMxnet } from '../support/mxnet-reader';
import { LFW } from '../support/faces';
import { temporaryFolder } from '../support/folder';

const FIXTURES = path.join(__dirname, '..', 'fixtures');

describe('records beside MXNet', () => {
  const folder = temporaryFolder();

  it('reads what an independent writer split at the magic', async () => {
    const rec = path.join(FIXTURES, 'recordio', 'split.rec');
    const payloads = JSON.parse(readFileSync(rec.replace('.rec', '.json'), 'utf8')) as string[];
    const index = await readRecordIndex(rec.replace('.rec', '.idx'));
    const reader = RecordReader.open(rec);
    payloads.forEach((payload, i) => assert.equal(reader.read(index.offsets[i]!).toString('hex'), payload));
    reader.close();
    assert.deepEqual([...(await scanRecords(rec)).offsets], [...index.offsets]);
  });

  it('writes sets that are read by its rules, images that hold the magic among them', async () => {
    const magic = Buffer.from('0a23d7ce', 'hex');
    // 24 bytes of header and 8 of labels come before the image, so that its own offsets are aligned.
    const images = [
      Buffer.from('an image'),
      Buffer.concat([magic, Buffer.from('begins with it')]),
      Buffer.concat([Buffer.from('unaligned: '), magic, Buffer.from('..')]),
      Buffer.concat([Buffer.from('four'), magic, magic, Buffer.from('four'), magic]),
    ];
    const root = path.join(folder, 'written');
    await writeFaceDataset(root, [images.slice(0, 1), images.slice(1)]);
    const file = readFileSync(path.join(root, 'train.rec'));
    const offsets = readFileSync(path.join(root, 'train.idx'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number(line.split('\t')[1]));
    const records = offsets.map((offset) => unpackAsMxnet(readAsMxnet(file, offset)));
    assert.deepEqual(
      records.map(({ labels }) => labels),
      [
        [5, 7],
        [0, 1],
        [1, 1],
        [1, 1],
        [1, 1],
        [1, 2],
        [2, 5],
      ],
    );
    images.forEach((image, i) => assert.deepEqual(records[i + 1]!.image, image));
    assert.ok(file.length > images.reduce((sum, image) => sum + image.length + 40, 0)); // it was split
    const set = await FaceDataset.open(root);
    images.forEach((image, i) => assert.deepEqual(set.read(i).image, image));
    set.close();
  });

  it('reads the real set byte for byte: images, labels, classes and ranges by an independent checksum list', async function () {
    if (!existsSync(LFW)) this.skip(); // the development set is not present
    const list = JSON.parse(readFileSync(path.join(FIXTURES, 'lfw', 'checksums.json'), 'utf8')) as {
      records: number;
      images: number;
      identities: [label: number, first: number, end: number, sha256: string][];
    };
    const set = await FaceDataset.open(LFW, { cache: false });
    assert.equal(set.length, list.images);
    assert.equal(set.numClasses, list.identities.length);
    for (const [label, first, end, sha256] of list.identities) {
      const hash = createHash('sha256');
      const size = Buffer.alloc(4);
      for (let key = first; key < end; key++) {
        const sample = set.read(key - 1);
        assert.equal(sample.label, label);
        size.writeUInt32LE(sample.image.length);
        hash.update(size).update(sample.image);
      }
      assert.equal(hash.digest('hex').slice(0, 16), sha256, `identity ${label}`);
      assert.equal(set.samplesPerClass[label], end - first);
      assert.deepEqual([...set.table.keys.subarray(first - 1, end - 1)].at(-1), end - 1);
    }
    set.close();
  });
});
