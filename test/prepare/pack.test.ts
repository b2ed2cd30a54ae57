import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { alignFace } from '../../lib/image/align';
import { FaceDataset } from '../../lib/data/face-dataset';
import { RecordReader, readRecordIndex, unpackRecord } from '../../lib/data/recordio';
import type { Point } from '../../lib/image/similarity';
import { decodeWhole } from '../../lib/image/convert';
import { packDataset } from '../../lib/prepare/pack';
import { unpackData } from '../../lib/prepare/unpack';
import { readVerificationSet, writeVerificationSet } from '../../lib/data/protocols/verification-set';
import { rejects } from '../support/assert';
import { LFW, jpeg, makeDataset, pixels, png } from '../support/faces';
import { temporaryFolder, writeFiles } from '../support/folder';

// Threads are slow to start from sources; that they change nothing has a test of its own.
const workers = 0;

const read = (root: string, file: string) => readFileSync(path.join(root, file));
const names = (root: string): unknown => JSON.parse(read(root, 'classes.json').toString());

describe('packing and unpacking', () => {
  const folder = temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  // Two people whose names sort by code units, a PNG among JPEGs.
  let faces: Record<string, Buffer>;
  before(async () => {
    faces = {
      'Zoe/1.jpg': jpeg(1),
      'Zoe/2.png': await png(7),
      'anna/nested/1.jpg': jpeg(3),
      'bo/1.jpg': jpeg(4),
    };
    writeFiles(at('faces'), faces);
    const many = Array.from({ length: 70 }, (_, i) => [`p${i % 5}/${i}.jpg`, jpeg(i)] as const);
    writeFiles(at('many'), Object.fromEntries(many));
  });

  it('puts a folder into the insightface layout, bytes untouched, with names beside it', async () => {
    const progress: number[][] = [];
    const result = await packDataset(at('faces'), at('packed'), {
      workers,
      onProgress: (done, total) => progress.push([done, total]),
    });
    assert.deepEqual(result, {
      output: at('packed'),
      images: 4,
      classes: 3,
      skipped: [],
      droppedClasses: [],
    });
    assert.deepEqual(progress.at(-1), [4, 4]);
    assert.deepEqual(readdirSync(at('packed')).sort(), [
      'classes.json',
      'property',
      'train.idx',
      'train.rec',
    ]);
    assert.equal(read(at('packed'), 'property').toString(), '3,112,112\n');
    assert.deepEqual(names(at('packed')), ['Zoe', 'anna', 'bo']);
    const dataset = await FaceDataset.open(at('packed'));
    assert.deepEqual([...dataset.labels], [0, 0, 1, 2]);
    Object.values(faces).forEach((image, i) => assert.deepEqual(dataset.read(i).image, image));
    dataset.close();
  });

  it('writes the same bytes with any number of workers', async () => {
    await packDataset(at('many'), at('many-1'), { workers: 1, quality: 80 });
    await packDataset(at('many'), at('many-3'), { workers: 3, quality: 80 });
    for (const file of ['train.rec', 'train.idx'])
      assert.deepEqual(read(at('many-1'), file), read(at('many-3'), file));
  });

  it('pack, unpack, pack gives identical records, by folder and by list', async () => {
    const unpacked = await unpackData(at('packed'), at('unpacked'));
    assert.deepEqual(unpacked, {
      output: at('unpacked'),
      images: 4,
      classes: 3,
      written: 4,
      kept: 0,
      folders: 'names',
    });
    assert.deepEqual(readdirSync(at('unpacked')).sort(), ['Zoe', 'anna', 'bo', 'classes.json', 'train.lst']);
    assert.deepEqual(read(at('unpacked'), 'Zoe/2.png'), faces['Zoe/2.png']);
    for (const source of [at('unpacked'), path.join(at('unpacked'), 'train.lst')]) {
      const again = at(`again-${path.basename(source)}`);
      await packDataset(source, again, { workers });
      for (const file of ['train.rec', 'train.idx', 'property', 'classes.json'])
        assert.deepEqual(read(again, file), read(at('packed'), file), file);
    }
  });

  it('follows a label map where the classes of a folder are in another order', async () => {
    writeFileSync(at('map.json'), '["bo", "anna", "Zoe"]');
    await packDataset(at('faces'), at('mapped'), { workers, classes: at('map.json') });
    const dataset = await FaceDataset.open(at('mapped'));
    assert.deepEqual(dataset.read(0).image, faces['bo/1.jpg']);
    dataset.close();
    await unpackData(at('mapped'), at('mapped-files'));
    await packDataset(path.join(at('mapped-files'), 'train.lst'), at('mapped-again'), { workers });
    assert.deepEqual(read(at('mapped-again'), 'train.rec'), read(at('mapped'), 'train.rec'));
    for (const [map, message] of [
      ['["bo", "anna"]', /has no class "Zoe"/],
      ['["bo", "anna", "Zoe", "Yan"]', /has a class "Yan"/],
    ] as const) {
      writeFileSync(at('map.json'), map);
      await rejects(
        packDataset(at('faces'), at('x'), { workers, classes: at('map.json') }),
        'ERR_LABEL_RANGE',
        message,
      );
    }
    writeFileSync(at('map.json'), '{"bo": 1}');
    await rejects(
      packDataset(at('faces'), at('x'), { workers, classes: at('map.json') }),
      'ERR_DATA_CORRUPT',
      /array of distinct names.*something else/,
    );
  });

  it('groups a list by label and keeps its order and its marks', async () => {
    const list = '1\tfaces/bo/1.jpg\t1\n0\tfaces/Zoe/1.jpg\t0\n1\tfaces/anna/nested/1.jpg\t1\n';
    writeFiles(folder, { 'list.lst': list });
    await packDataset(at('list.lst'), at('listed'), { workers });
    const index = await readRecordIndex(path.join(at('listed'), 'train.idx'));
    const records = RecordReader.open(path.join(at('listed'), 'train.rec'));
    const found = [1, 2, 3].map((key) => unpackRecord(records.read(index.offsets[key]!)));
    records.close();
    assert.deepEqual(
      found.map(({ labels }) => labels),
      [
        [0, 0],
        [1, 1],
        [1, 1],
      ],
    );
    assert.deepEqual(found[1]!.image, faces['bo/1.jpg']);
  });

  it('aligns by the five points of the list, resizes and encodes anew', async () => {
    const photo = Buffer.from(
      await sharp(pixels(50, 200), { raw: { width: 200, height: 200, channels: 3 } })
        .png()
        .toBuffer(),
    );
    const points: Point[] = [
      [80, 90],
      [130, 92],
      [105, 120],
      [85, 150],
      [125, 151],
    ];
    const columns = [...points.map(([x]) => x), ...points.map(([, y]) => y)].join('\t');
    writeFiles(at('photos'), {
      'a/1.png': photo,
      'a.lst': `0\ta/1.png\t0\t0\t0\t1\t1\t${columns}\n`,
      'landmarks.txt': `1.png ${points.flat().join(' ')}\n`,
    });
    const expected = alignFace(await decodeWhole(photo, 'photo'), points);
    for (const [name, source, options] of [
      ['list', 'photos/a.lst', { align: true }],
      ['file', 'photos', { landmarks: at('photos/landmarks.txt') }],
    ] as const) {
      await packDataset(at(source), at(`aligned-${name}`), { workers, format: 'png', ...options });
      const dataset = await FaceDataset.open(at(`aligned-${name}`));
      const found = await decodeWhole(dataset.read(0).image, name);
      dataset.close();
      assert.deepEqual(found, expected);
    }
    await rejects(
      packDataset(at('photos'), at('x'), { workers }),
      'ERR_DATA_CORRUPT',
      /1\.png: the image is 200 x 200 .*--skip-bad/,
    );
    await packDataset(at('photos'), at('resized'), { workers, resize: true, format: 'jpeg', size: 64 });
    const dataset = await FaceDataset.open(at('resized'));
    assert.deepEqual(dataset.imageSize, [64, 64]);
    const { width, data } = await decodeWhole(dataset.read(0).image, 'resized');
    dataset.close();
    assert.equal(width, 64);
    assert.ok(Math.abs(data[0]! - 50) <= 3 && Math.abs(data[1]! - 128) <= 3, `${data[0]} ${data[1]}`);
    await rejects(
      packDataset(at('faces'), at('x'), { workers, align: true }),
      'ERR_DATA_NOT_FOUND',
      /cannot be aligned: the list has no five points/,
    );
  });

  it('stops at an image that cannot be used, or leaves it out and lists it', async () => {
    const bad = {
      'a/1.jpg': jpeg(1),
      'a/2.jpg': jpeg(2).subarray(0, 900),
      'b/1.jpg': 'no image',
      'c/1.jpg': jpeg(5),
    };
    writeFiles(at('bad'), bad);
    await rejects(
      packDataset(at('bad'), at('bad-out'), { workers }),
      'ERR_DATA_CORRUPT',
      /bad.a.2\.jpg: the JPEG image is truncated/,
    );
    assert.deepEqual(readdirSync(at('bad-out')), []);
    const result = await packDataset(at('bad'), at('bad-out'), { workers, skipBad: true });
    assert.deepEqual([result.images, result.classes, result.droppedClasses], [2, 2, ['b']]);
    assert.deepEqual(
      result.skipped.map(({ key }) => key),
      ['a/2.jpg', 'b/1.jpg'],
    );
    assert.deepEqual(names(at('bad-out')), ['a', 'c']);
    assert.match(
      read(at('bad-out'), 'skipped.txt').toString(),
      /^# 2 images .*\na\/2\.jpg\t.*truncated.*\nb\/1\.jpg\t.*not a JPEG/,
    );
    writeFileSync(at('bad/bad.lst'), '1\ta/1.jpg\t0\n1\tb/1.jpg\t1\n1\tnone.jpg\t2\n1\tc/1.jpg\t2\n');
    const list = at('bad/bad.lst');
    await rejects(
      packDataset(list, at('x'), { workers, skipBad: true }),
      'ERR_LABEL_RANGE',
      /class "1" has no image left/,
    );
    const relabelled = await packDataset(list, at('bad-list'), { workers, skipBad: true, relabel: true });
    assert.deepEqual([relabelled.classes, relabelled.skipped.length], [2, 2]);
    assert.match(relabelled.skipped[1]!.reason, /none\.jpg: there is no such file/);
    writeFiles(at('hopeless'), { 'a/1.jpg': '' });
    await rejects(
      packDataset(at('hopeless'), at('x'), { workers, skipBad: true }),
      'ERR_DATA_CORRUPT',
      /None of the 1 images/,
    );
  });

  it('replaces a dataset only when told, and leaves it whole when interrupted', async () => {
    const before = read(at('packed'), 'train.rec');
    await rejects(
      packDataset(at('many'), at('packed'), { workers }),
      'ERR_ARGUMENT',
      /train\.rec is there already.*--overwrite/,
    );
    const controller = new AbortController();
    const options = {
      workers,
      overwrite: true,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    };
    await rejects(packDataset(at('many'), at('packed'), options), 'ERR_CANCELLED', /interrupted/);
    assert.deepEqual(read(at('packed'), 'train.rec'), before);
    assert.deepEqual(readdirSync(at('packed')).sort(), [
      'classes.json',
      'property',
      'train.idx',
      'train.rec',
    ]);
  });

  it('removes what a killed run left behind', async () => {
    const left = path.join(at('packed'), '.train.rec.999999999-0badcafe.partial');
    const young = path.join(at('packed'), '.train.rec.999999999-0badcaff.partial');
    writeFileSync(left, 'half');
    writeFileSync(young, 'half');
    utimesSync(left, 0, 0);
    await packDataset(at('faces'), at('packed'), { workers, overwrite: true });
    assert.deepEqual([existsSync(left), existsSync(young)], [false, true]);
    unlinkSync(young);
  });

  it('refuses what it cannot do', async () => {
    await rejects(packDataset(at('none'), at('x')), 'ERR_DATA_NOT_FOUND', /nothing at .*none/);
    await rejects(packDataset(at('faces'), at('x'), { size: 0 }), 'ERR_ARGUMENT', /for size/);
    await rejects(packDataset(at('faces'), at('x'), { quality: 101 }), 'ERR_ARGUMENT', /for quality/);
    await rejects(
      packDataset(at('faces'), at('faces/bo/1.jpg/x'), { workers }),
      'ERR_IO',
      /Could not create/,
    );
  });

  describe('unpacking', () => {
    it('goes on where it stopped and overwrites nothing', async () => {
      cpSync(at('unpacked'), at('partly'), { recursive: true });
      rmSync(path.join(at('partly'), 'anna'), { recursive: true });
      rmSync(path.join(at('partly'), 'train.lst'));
      const left = path.join(at('partly'), 'bo', '.4.jpg.999999999-0badcafe.partial');
      writeFileSync(left, 'half');
      utimesSync(left, 0, 0);
      const { written, kept } = await unpackData(at('packed'), at('partly'));
      assert.ok(!existsSync(left));
      assert.deepEqual([written, kept], [1, 3]);
      assert.deepEqual(read(at('partly'), 'train.lst'), read(at('unpacked'), 'train.lst'));
      writeFileSync(path.join(at('partly'), 'bo', '4.jpg'), 'my own');
      await rejects(
        unpackData(at('packed'), at('partly')),
        'ERR_ARGUMENT',
        /bo.4\.jpg is there already with other contents/,
      );
      assert.equal(read(at('partly'), 'bo/4.jpg').toString(), 'my own');
    });

    it('calls folders by number where there are no names, so that they sort like the classes', async () => {
      await makeDataset(at('unnamed'), [2, ...new Array<number>(11).fill(1)]);
      const { folders } = await unpackData(at('unnamed'), at('numbers'));
      assert.equal(folders, 'numbers');
      assert.deepEqual(read(at('numbers'), '00/02.jpg'), jpeg(1));
      await packDataset(at('numbers'), at('numbers-packed'), { workers });
      assert.deepEqual(read(at('numbers-packed'), 'train.rec'), read(at('unnamed'), 'train.rec'));
    });

    it('never leaves its folder, whatever the names are', async () => {
      await makeDataset(at('hostile'), [1, 1]);
      writeFileSync(path.join(at('hostile'), 'classes.json'), '["../../evil", "b"]');
      const { folders } = await unpackData(at('hostile'), at('deep/down/safe'));
      assert.equal(folders, 'numbers');
      assert.ok(!existsSync(at('deep/evil')) && existsSync(at('deep/down/safe/0/1.jpg')));
      writeFileSync(path.join(at('hostile'), 'classes.json'), '["b"]');
      await rejects(
        unpackData(at('hostile'), at('x')),
        'ERR_DATA_CORRUPT',
        /array of 2 distinct names.*but it has 1/,
      );
    });

    it('writes the images of a verification set with a list of pairs', async () => {
      const set = { images: [jpeg(1), jpeg(2), jpeg(1), Buffer.from('?')], isSame: [true, false] };
      await writeVerificationSet(at('v.bin'), set);
      assert.equal((await unpackData(at('v.bin'), at('v'))).pairs, 2);
      assert.equal(
        read(at('v'), 'pairs.txt').toString(),
        'images/0_0.jpg\timages/0_1.jpg\t1\nimages/1_0.jpg\timages/1_1.bin\t0\n',
      );
      assert.deepEqual(read(at('v'), 'images/1_0.jpg'), jpeg(1));
      assert.deepEqual((await readVerificationSet(at('v.bin'))).images.length, 4);
    });

    it('is interrupted between two files', async () => {
      const signal = AbortSignal.abort();
      await rejects(unpackData(at('packed'), at('x'), { signal }), 'ERR_CANCELLED', /run it again to go on/);
      await rejects(unpackData(at('none'), at('x')), 'ERR_DATA_NOT_FOUND', /nothing at/);
    });
  });

  it('takes the real set apart and together again byte for byte', async function () {
    if (!existsSync(LFW)) {
      console.log(`      (skipped: the real set is not at ${LFW})`);
      return this.skip();
    }
    await unpackData(LFW, at('lfw'));
    await packDataset(at('lfw'), at('lfw-packed'));
    const [first, second] = await Promise.all(
      [LFW, at('lfw-packed')].map((root) => FaceDataset.open(root, { cache: false })),
    );
    assert.deepEqual(second!.labels, first!.labels);
    for (let i = 0; i < first!.length; i++) assert.deepEqual(second!.read(i).image, first!.read(i).image);
    first!.close();
    second!.close();
  });
});
