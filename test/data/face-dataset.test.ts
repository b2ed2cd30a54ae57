import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { FaceDataset, type FaceDatasetOptions } from '../../lib/data/face-dataset';
import { labelCachePath } from '../../lib/data/layout/label-cache';
import { writeFaceDataset } from '../../lib/data/layout/face-dataset-writer';
import { KappaError } from '../../lib/errors';
import { onlyTyped, rejects } from '../support/assert';
import { anyBytes, LFW, makeDataset, makeRaw, type RawRecord } from '../support/faces';
import { temporaryFolder } from '../support/folder';

const COUNTS = [3, 1, 4, 2];

describe('face datasets', () => {
  const folder = temporaryFolder();
  let made = 0;
  const place = () => path.join(folder, String(made++));
  const im2rec = (labels: number[], from = 0): RawRecord[] =>
    labels.map((label, i) => ({ key: from + i, label, image: anyBytes(i) }));

  /** Records of the face2rec2 layout for these labels (sorted), with a chance to change them. */
  function face2rec2(
    labels: number[],
    change: Partial<{ header: number[]; ranges: number[][]; own: number[] }> = {},
  ) {
    const classes = [...new Set(labels)];
    const ranges = classes.map((label) => [labels.indexOf(label) + 1, labels.lastIndexOf(label) + 2]);
    const n = labels.length;
    const records: RawRecord[] = [{ key: 0, label: change.header ?? [n + 1, n + 1 + classes.length] }];
    (change.own ?? labels).forEach((label, i) =>
      records.push({ key: i + 1, label: [label, 1], image: anyBytes(i) }),
    );
    (change.ranges ?? ranges).forEach((range, i) => records.push({ key: n + 1 + i, label: range }));
    return records;
  }

  async function opened<T>(
    root: string,
    look: (set: FaceDataset) => T,
    options?: FaceDatasetOptions,
  ): Promise<T> {
    const set = await FaceDataset.open(root, options);
    try {
      return look(set);
    } finally {
      set.close();
    }
  }

  const contents = (set: FaceDataset) =>
    Array.from({ length: set.length }, (_, i) => `${set.read(i).label}: ${set.read(i).image.toString()}`);

  it('reads what it wrote, in the face2rec2 layout', async () => {
    const root = await makeDataset(place(), COUNTS, anyBytes);
    await opened(root, (set) => {
      assert.equal(set.layout, 'face2rec2');
      assert.equal(set.length, 10);
      assert.equal(set.numClasses, 4);
      assert.deepEqual(set.imageSize, [112, 112]);
      assert.deepEqual([...set.samplesPerClass], COUNTS);
      assert.deepEqual([...set.labels], [0, 0, 0, 1, 2, 2, 2, 2, 3, 3]);
      assert.deepEqual(contents(set).slice(2, 5), ['0: image 2', '1: image 3', '2: image 4']);
      assert.throws(() => set.read(10), { code: 'ERR_ARGUMENT' });
      assert.ok(set.table.offsets.buffer instanceof SharedArrayBuffer);
    });
    assert.deepEqual(readdirSync(root).sort(), ['property', 'train.idx', 'train.rec']);
  });

  it('reads the im2rec layout, with and without record 0, keys in any order', async () => {
    const records = im2rec([1, 0, 1, 2]);
    for (const list of [records, im2rec([1, 0, 1, 2], 5), [...records].reverse()]) {
      const root = await makeRaw(place(), list, '3,112,112');
      await opened(root, (set) => {
        assert.equal(set.layout, 'im2rec');
        assert.deepEqual([...set.samplesPerClass], [1, 2, 1]);
        assert.deepEqual(contents(set), ['1: image 0', '0: image 1', '1: image 2', '2: image 3']);
      });
    }
  });

  it('remembers scanned labels beside the file, and forgets them when the file or the cache changes', async () => {
    const root = await makeRaw(place(), im2rec([0, 1, 1]), '2,112,112');
    const cache = labelCachePath(path.join(root, 'train.rec'));
    const labels = () => opened(root, (set) => [...set.labels]);
    assert.deepEqual(await labels(), [0, 1, 1]);
    const kept = readFileSync(cache);
    for (let at = 0; at < kept.length; at++) {
      const bad = Buffer.from(kept);
      bad[at]! ^= 0x10;
      writeFileSync(cache, bad);
      assert.deepEqual(await labels(), [0, 1, 1], `byte ${at} of the cache`);
    }
    writeFileSync(cache, kept.subarray(0, 20));
    assert.deepEqual(await labels(), [0, 1, 1]);
    assert.deepEqual(readFileSync(cache), kept);
    await makeRaw(root, im2rec([1, 0, 0]), '2,112,112');
    assert.deepEqual(await labels(), [1, 0, 0]);
    rmSync(cache);
    mkdirSync(cache); // the cache cannot be written: no error
    assert.deepEqual(await labels(), [1, 0, 0]);
  });

  it('uses its cache instead of scanning', async () => {
    const root = await makeRaw(place(), im2rec([0, 1, 1]), '2,112,112');
    let scanned = 0;
    const many = await makeRaw(place(), im2rec(Array.from({ length: 5000 }, (_, i) => i % 2)), '2,112,112');
    const count = () => scanned++;
    await opened(many, () => undefined, { onProgress: count });
    assert.equal(scanned, 1);
    await opened(many, (set) => assert.deepEqual([...set.samplesPerClass], [2500, 2500]), {
      onProgress: count,
    });
    assert.equal(scanned, 1);
    await opened(root, () => undefined, { cache: false });
    assert.ok(!existsSync(labelCachePath(path.join(root, 'train.rec'))));
  });

  it('takes a subset by identities and by images, and numbers its classes anew', async () => {
    const root = await makeDataset(place(), COUNTS, anyBytes);
    const of = (options: FaceDatasetOptions) =>
      opened(root, (set) => [set.numClasses, ...contents(set)], options);
    assert.deepEqual(await of({ identities: 2 }), [
      2,
      '0: image 0',
      '0: image 1',
      '0: image 2',
      '1: image 3',
    ]);
    assert.deepEqual(await of({ identities: [3, 1] }), [2, '1: image 3', '0: image 8', '0: image 9']);
    assert.deepEqual(await of({ imagesPerIdentity: 1 }), [
      4,
      '0: image 0',
      '1: image 3',
      '2: image 4',
      '3: image 8',
    ]);
    await rejects(of({ identities: 5 }), 'ERR_ARGUMENT', /identities/);
    await rejects(of({ identities: [1, 1] }), 'ERR_ARGUMENT', /distinct/);
    await rejects(of({ imagesPerIdentity: 0 }), 'ERR_ARGUMENT', /imagesPerIdentity/);
  });

  it('finds the class of each identity even where identities stand in another order', async () => {
    const root = await makeRaw(place(), face2rec2([2, 2, 0, 1, 1]), '3,112,112');
    await opened(root, (set) => assert.deepEqual([...set.samplesPerClass], [1, 2, 2]));
  });

  it('trusts keys and image labels where float32 has rounded the ranges', async () => {
    const labels = [0, 0, 0, 1, 1, 2, 2, 2, 3, 4, 4, 4, 5];
    const exact = face2rec2(labels);
    // Beyond 8, only multiples of 4 exist in this float.
    const round = (value: number) => (value > 8 ? 4 * Math.round(value / 4) : value);
    const records = exact.map((record) =>
      record.image ? record : { ...record, label: (record.label as number[]).map(round) },
    );
    const root = await makeRaw(place(), records, '6,112,112');
    await opened(
      root,
      (set) => {
        assert.deepEqual([...set.labels], labels);
        assert.equal(contents(set).at(-1), '5: image 12');
      },
      { exactLimit: 8 },
    );
    await rejects(FaceDataset.open(root), 'ERR_DATA_CORRUPT', /header record/);
  });

  it('says what is missing, and which layout is expected', async () => {
    const layout = /folder with train\.rec, train\.idx and property/;
    await rejects(FaceDataset.open(path.join(folder, 'nowhere')), 'ERR_DATA_NOT_FOUND', layout);
    for (const file of ['train.rec', 'train.idx']) {
      const root = await makeDataset(place(), [1, 1], anyBytes);
      rmSync(path.join(root, file));
      const opening = () => FaceDataset.open(root, { rebuildIndex: false });
      await rejects(opening(), 'ERR_DATA_NOT_FOUND', new RegExp(`no (file|index) .*${file}`));
      if (file !== 'train.idx') await rejects(opening(), 'ERR_DATA_NOT_FOUND', layout);
    }
    const root = await makeRaw(place(), im2rec([0, 1]), null);
    await opened(root, (set) => assert.equal(set.numClasses, 2), { numClasses: 2 });
  });

  it('refuses a property that is none, or other than expected', async () => {
    for (const text of ['', 'two,112,112', '2,112', '0,112,112', '2 112 112'])
      await rejects(
        FaceDataset.open(await makeRaw(place(), im2rec([0, 1]), text)),
        'ERR_DATA_CORRUPT',
        /classes,height,width/,
      );
    const root = await makeRaw(place(), im2rec([0, 1]), '2,112,112');
    await rejects(FaceDataset.open(root, { numClasses: 3 }), 'ERR_CONFIG', /3 classes were expected.*says 2/);
  });

  it('explains labels that count from 1', async () => {
    const count = /count from 1/;
    await rejects(
      FaceDataset.open(await makeRaw(place(), im2rec([1, 2, 3]), '3,112,112')),
      'ERR_LABEL_RANGE',
      count,
    );
    await rejects(
      FaceDataset.open(await makeRaw(place(), im2rec([1, 2, 3]), '4,112,112')),
      'ERR_LABEL_RANGE',
      count,
    );
    await rejects(
      FaceDataset.open(await makeRaw(place(), face2rec2([1, 2]), '2,112,112')),
      'ERR_LABEL_RANGE',
      count,
    );
  });

  it('explains labels out of range, gaps and surplus classes', async () => {
    const open = async (records: RawRecord[], property: string) =>
      FaceDataset.open(await makeRaw(place(), records, property));
    await rejects(
      open(im2rec([0, 7, 1]), '3,112,112'),
      'ERR_LABEL_RANGE',
      /record 1 has label 7.*says 3 classes/,
    );
    await rejects(open(im2rec([0, -1]), '2,112,112'), 'ERR_LABEL_RANGE', /record 1 .*label is -1/);
    await rejects(open(im2rec([0, 0.5]), '2,112,112'), 'ERR_DATA_CORRUPT', /0\.5, not an integer/);
    await rejects(
      open(im2rec([0, 3]), '4,112,112'),
      'ERR_LABEL_RANGE',
      /2 of 4 classes have no image, the first of them class 1/,
    );
    await rejects(open(face2rec2([0, 1, 2]), '2,112,112'), 'ERR_LABEL_RANGE', /more classes than property/);
    await rejects(open(face2rec2([0, 1]), '3,112,112'), 'ERR_LABEL_RANGE', /class 2/);
    const root = await makeRaw(place(), im2rec([0, 3]), '4,112,112');
    await opened(root, (set) => assert.deepEqual([...set.samplesPerClass], [1, 0, 0, 1]), {
      allowEmptyClasses: true,
    });
  });

  it('does not take header records for images', async () => {
    const records = face2rec2([0, 1]).slice(1);
    await rejects(
      FaceDataset.open(await makeRaw(place(), records, '2,112,112')),
      'ERR_DATA_CORRUPT',
      /record 3 .*holds no image.*identity record/,
    );
  });

  it('finds identity ranges that overlap, leave images out or lie outside', async () => {
    const open = async (ranges: number[][]) =>
      FaceDataset.open(await makeRaw(place(), face2rec2([0, 0, 1, 1], { ranges }), '2,112,112'));
    await rejects(
      open([
        [1, 4],
        [3, 5],
      ]),
      'ERR_DATA_CORRUPT',
      /image 3 belongs to two identities/,
    );
    await rejects(
      open([
        [1, 2],
        [3, 5],
      ]),
      'ERR_DATA_CORRUPT',
      /image 2 belongs to no identity/,
    );
    await rejects(
      open([
        [1, 3],
        [3, 6],
      ]),
      'ERR_DATA_CORRUPT',
      /identity record 6 gives the images \[3, 6\)/,
    );
    await rejects(
      open([
        [0, 3],
        [3, 5],
      ]),
      'ERR_DATA_CORRUPT',
      /identity record 5/,
    );
    await rejects(
      open([
        [1, 1e9],
        [3, 5],
      ]),
      'ERR_DATA_CORRUPT',
      /identity record 5/,
    );
    await rejects(
      open([
        [1, NaN],
        [3, 5],
      ]),
      'ERR_DATA_CORRUPT',
      /identity record 5/,
    );
  });

  it('finds a mislabelled record when it is read', async () => {
    const root = await makeRaw(place(), face2rec2([0, 0, 1, 1], { own: [0, 1, 1, 1] }), '2,112,112');
    await opened(root, (set) => {
      assert.equal(set.read(0).label, 0);
      assert.throws(() => set.read(1), {
        code: 'ERR_DATA_CORRUPT',
        message: /sample 1 \(key 2, record at byte \d+\): its own label is 1, .* class 0.*mislabelled/,
      });
    });
  });

  it('refuses a header record that contradicts the file', async () => {
    for (const header of [
      [5, 8],
      [6, 7],
      [4, 7],
      [5, 6],
      [5, 5],
      [NaN, 7],
      [0, 7],
    ])
      await rejects(
        makeRaw(place(), face2rec2([0, 0, 1, 1], { header }), '2,112,112').then((root) =>
          FaceDataset.open(root),
        ),
        'ERR_DATA_CORRUPT',
        /header record|no header record/,
      );
  });

  it('refuses an index of another file, an incomplete one, and a truncated record file', async () => {
    const root = await makeDataset(place(), COUNTS, anyBytes);
    const [rec, idx] = [path.join(root, 'train.rec'), path.join(root, 'train.idx')];
    const [goodRec, goodIdx] = [readFileSync(rec), readFileSync(idx, 'latin1')];
    const other = await makeDataset(place(), [9, 9], anyBytes);
    const strict = () => FaceDataset.open(root, { rebuildIndex: false });
    copyFileSync(path.join(other, 'train.idx'), idx);
    await rejects(strict(), 'ERR_DATA_CORRUPT', /belongs to another/);
    await rejects(FaceDataset.open(root), 'ERR_DATA_CORRUPT', /belongs to another/);
    writeFileSync(idx, goodIdx.replace('3\t', '33\t'));
    await rejects(strict(), 'ERR_DATA_CORRUPT', /no record 3 .*incomplete/);
    writeFileSync(idx, goodIdx.split('\n').slice(0, -2).join('\n'));
    await rejects(strict(), 'ERR_DATA_CORRUPT', /last record ends at byte \d+, but the file has/);
    writeFileSync(idx, goodIdx.replace('\t40\n', '\t42\n'));
    await rejects(strict(), 'ERR_DATA_CORRUPT', /not a multiple of 4/);
    writeFileSync(idx, goodIdx);
    for (const size of [goodRec.length - 1, goodRec.length - 20, goodRec.length - 60, 100, 0]) {
      writeFileSync(rec, goodRec.subarray(0, size));
      await rejects(FaceDataset.open(root), 'ERR_DATA_CORRUPT', /truncated/);
    }
  });

  for (const layout of ['face2rec2', 'im2rec'])
    it(`answers every flipped byte with a typed error or a valid read (${layout})`, async () => {
      const labels = [0, 0, 1, 2];
      const root = await makeRaw(
        place(),
        layout === 'im2rec' ? im2rec(labels) : face2rec2(labels),
        '3,112,112',
      );
      for (const name of ['train.rec', 'train.idx', 'property']) {
        const file = path.join(root, name);
        const good = readFileSync(file);
        for (let at = 0; at < good.length; at++)
          for (const mask of [0xff, 0x01]) {
            const bad = Buffer.from(good);
            bad[at]! ^= mask;
            writeFileSync(file, bad);
            const what = `${name} byte ${at} ^ ${mask}`;
            const set = await onlyTyped(() => FaceDataset.open(root, { cache: false }), what);
            if (set instanceof KappaError) continue;
            for (let i = 0; i < set.length; i++) await onlyTyped(() => set.read(i), what);
            set.close();
          }
        writeFileSync(file, good);
      }
    });

  it('leaves no half dataset when writing fails, and refuses identities without images', async () => {
    const root = place();
    await rejects(writeFaceDataset(root, [[anyBytes(0)], []]), 'ERR_ARGUMENT', /identities\[1\]/);
    await rejects(writeFaceDataset(root, []), 'ERR_ARGUMENT', /at least one identity/);
    async function* failing() {
      yield [anyBytes(0)];
      await Promise.reject(new Error('the source broke'));
    }
    await assert.rejects(writeFaceDataset(root, failing()), /the source broke/);
    assert.deepEqual(readdirSync(root), []);
    await writeFaceDataset(root, [[anyBytes(0)]], { imageSize: [64, 96] });
    assert.equal(readFileSync(path.join(root, 'property'), 'latin1'), '1,64,96\n');
  });

  it('refuses reads after the file was replaced, and after close', async () => {
    const root = await makeDataset(place(), [2], anyBytes);
    const set = await FaceDataset.open(root);
    set.close();
    set.close();
    assert.throws(() => set.read(0), { code: 'ERR_DISPOSED' });
  });

  it('reads the real set: 4,924 images of 955 people, and writes it again byte for byte', async function () {
    if (!existsSync(LFW)) this.skip(); // the development set is not present
    const root = place();
    const people: Buffer[][] = Array.from({ length: 955 }, () => []);
    await opened(LFW, (set) => {
      assert.equal(set.layout, 'face2rec2');
      assert.equal(set.length, 4924);
      assert.equal(set.numClasses, 955);
      assert.equal(Math.min(...set.samplesPerClass), 2);
      assert.equal(Math.max(...set.samplesPerClass), 236);
      for (let i = 0; i < set.length; i++) people[set.read(i).label]!.push(set.read(i).image);
    });
    await writeFaceDataset(root, people, { dialect: 'plain' }); // as that set was written
    for (const name of ['train.rec', 'train.idx', 'property'])
      assert.ok(readFileSync(path.join(root, name)).equals(readFileSync(path.join(LFW, name))), name);
  });
});
