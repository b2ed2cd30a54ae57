import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { FACE_TEMPLATE, alignFace } from '../../lib/image/align';
import { FaceDataset } from '../../lib/data/face-dataset';
import type { Point } from '../../lib/image/similarity';
import { alignImages } from '../../lib/prepare/align-images';
import { decodeWhole } from '../../lib/image/convert';
import { makePairSet } from '../../lib/prepare/pair-set';
import { packDataset } from '../../lib/prepare/pack';
import { unpackData } from '../../lib/prepare/unpack';
import { readVerificationSet, writeVerificationSet } from '../../lib/data/protocols/verification-set';
import { rejects } from '../support/assert';
import { jpeg, png } from '../support/faces';
import { temporaryFolder, writeFile } from '../support/folder';

const workers = 0;
const folder = temporaryFolder();
const at = (name: string) => path.join(folder, name);
const write = (name: string, content: Buffer | string) => writeFile(folder, name, content);

describe('a set of pairs of LFW', () => {
  const pairs = '1\t2\nAnn\t1\t2\nAnn\t1\t3\nAnn\t2\tBob\t1\nAnn\t3\tBob\t1\n';
  before(async () => {
    for (const [i, name] of [
      'Ann/Ann_0001',
      'Ann/Ann_0002',
      'Ann/Ann_0003',
      'Bob/Bob_0001',
      'Cy/Cy_0001',
      'Cy/Cy_0002',
      'Di/Di_0001',
    ].entries())
      write(`lfw/${name}.jpg`, await png(20 * i, 250));
    write('pairs.txt', pairs);
  });

  it('is cropped in the middle, and the other people make a training set', async () => {
    const result = await makePairSet(at('lfw'), at('pairs.txt'), at('out'), {
      workers,
      train: true,
      format: 'png',
    });
    assert.deepEqual(result, {
      output: at('out'),
      verification: at('out/lfw.bin'),
      form: 'lfw',
      pairs: 4,
      same: 2,
      distinctImages: 4,
      train: { images: 3, classes: 2 },
    });
    const set = await readVerificationSet(at('out/lfw.bin'));
    assert.deepEqual(set.isSame, [true, true, false, false]);
    const reds = await Promise.all(
      set.images.map(async (image) => (await decodeWhole(image, 'image')).data[0]),
    );
    assert.deepEqual(reds, [0, 20, 0, 40, 20, 60, 40, 60]);
    // The gradient in blue tells where the crop began and ended: columns 62 to 186 of 250.
    const { data, width } = await decodeWhole(set.images[0]!, 'image');
    assert.equal(width, 112);
    assert.ok(
      Math.abs(data[2]! - 62) <= 1 && Math.abs(data[3 * 111 + 2]! - 186) <= 1,
      `${data[2]} ${data[3 * 111 + 2]}`,
    );
    assert.deepEqual(JSON.parse(readFileSync(at('out/classes.json'), 'utf8')), ['Cy', 'Di']);
    const dataset = await FaceDataset.open(at('out'));
    assert.deepEqual([...dataset.labels], [0, 0, 1]);
    dataset.close();
  });

  it('trains only on the people of a list and with enough images', async () => {
    write('people.txt', '2\n1\nCy\t2\n2\nDi\t1\nAnn\t3\n');
    const make = (options: object) =>
      makePairSet(at('lfw'), at('pairs.txt'), at('people'), { workers, overwrite: true, ...options });
    assert.deepEqual((await make({ people: at('people.txt') })).train, { images: 3, classes: 2 });
    assert.deepEqual((await make({ train: true, minImages: 2 })).train, { images: 2, classes: 1 });
    await rejects(
      make({ train: true, minImages: 3 }),
      'ERR_DATA_NOT_FOUND',
      /Nobody in .* is left to train on/,
    );
  });

  it('keeps the bytes of images that have the size already', async () => {
    write('faces/a.jpg', jpeg(1));
    write('faces/b.jpg', jpeg(2));
    write('columns.txt', 'a.jpg b.jpg 0\n');
    await makePairSet(at('faces'), at('columns.txt'), at('kept'), { workers, name: 'own' });
    const { images } = await readVerificationSet(at('kept/own.bin'));
    assert.ok(images[0]!.equals(jpeg(1)) && images[1]!.equals(jpeg(2)));
  });

  it('is made again of what unpacking gives', async () => {
    const set = { images: [jpeg(1), jpeg(2), jpeg(3), jpeg(1)], isSame: [true, false] };
    await writeVerificationSet(at('own.bin'), set);
    await unpackData(at('own.bin'), at('own'));
    await makePairSet(at('own'), at('own/pairs.txt'), at('own-again'), { workers, name: 'own' });
    assert.ok(readFileSync(at('own-again/own.bin')).equals(readFileSync(at('own.bin'))));
  });

  it('names the image and the list where an image is missing, and overwrites nothing', async () => {
    write('columns.txt', 'a.jpg none.jpg 0\n');
    await rejects(
      makePairSet(at('faces'), at('columns.txt'), at('x'), { workers }),
      'ERR_DATA_NOT_FOUND',
      /none\.jpg: there is no such file, nor .*columns\.txt/,
    );
    await rejects(
      makePairSet(at('lfw'), at('pairs.txt'), at('out'), { workers }),
      'ERR_ARGUMENT',
      /lfw\.bin is there already/,
    );
    await rejects(
      makePairSet(at('lfw'), at('pairs.txt'), at('x'), { workers, crop: { left: 200, top: 0, side: 100 } }),
      'ERR_DATA_CORRUPT',
      /does not lie within it/,
    );
    await rejects(
      makePairSet(at('lfw'), at('pairs.txt'), at('x'), {
        workers,
        landmarks: write('l.txt', `Ann_0001.jpg ${FACE_TEMPLATE.flat().join(' ')}`),
      }),
      'ERR_DATA_NOT_FOUND',
      /Ann_0002\.jpg cannot be aligned/,
    );
  });
});

describe('aligning files', () => {
  const points: Point[] = [
    [70, 80],
    [120, 85],
    [95, 110],
    [75, 140],
    [115, 142],
  ];
  const numbers = points.flat().join(' ');

  before(async () => {
    write('photos/p/one.png', await png(9, 200));
    write('photos/p/two.png', await png(30, 220));
    write('points.txt', `p/one.png ${numbers}\np/two.png ${numbers}\n`);
  });

  it('keeps paths and goes on where it stopped', async () => {
    const options = { workers, landmarks: at('points.txt'), format: 'png' as const };
    const first = await alignImages(at('photos'), at('aligned'), options);
    assert.deepEqual([first.images, first.written, first.kept, first.skipped], [2, 2, 0, []]);
    const found = await decodeWhole(readFileSync(at('aligned/p/one.png')), 'one');
    assert.deepEqual(found, alignFace(await decodeWhole(await png(9, 200), 'one'), points));
    rmSync(at('aligned/p/one.png'));
    const second = await alignImages(at('photos'), at('aligned'), options);
    assert.deepEqual([second.written, second.kept], [1, 1]);
    await rejects(
      alignImages(at('photos'), at('aligned'), { ...options, size: 64 }),
      'ERR_ARGUMENT',
      /already with other contents/,
    );
  });

  it('of a list gives a list that can be packed', async () => {
    const columns = [...points.map(([x]) => x), ...points.map(([, y]) => y)].join('\t');
    write(
      'photos/l.lst',
      `0\tp/two.png\t0\t0\t0\t1\t1\t${columns}\n0\tp/one.png\t1\t0\t0\t1\t1\t${columns}\n`,
    );
    await alignImages(at('photos/l.lst'), at('listed'), { workers });
    assert.equal(readFileSync(at('listed/aligned.lst'), 'utf8'), '1\tp/two.jpg\t0\n1\tp/one.jpg\t1\n');
    const { images, classes } = await packDataset(at('listed/aligned.lst'), at('listed-packed'), { workers });
    assert.deepEqual([images, classes], [2, 2]);
  });

  it('stops at a face without landmarks, or leaves it out', async () => {
    const landmarks = write(
      'fewer.txt',
      `p/one.png ${numbers}\np/two.png ${new Array(10).fill(5).join(' ')}\n`,
    );
    await rejects(
      alignImages(at('photos'), at('fewer'), { workers, landmarks }),
      'ERR_ARGUMENT',
      /two\.png: No similarity .*all points of the face are the same/,
    );
    write('photos/p/three.jpg', jpeg(1));
    const { images, skipped } = await alignImages(at('photos'), at('fewer'), {
      workers,
      landmarks,
      skipBad: true,
    });
    assert.deepEqual([images, skipped.map(({ key }) => key)], [1, ['p/three.jpg', 'p/two.png']]);
    assert.deepEqual(readdirSync(at('fewer/p')), ['one.jpg']);
    await rejects(
      alignImages(at('photos'), at('x'), { workers }),
      'ERR_ARGUMENT',
      /without landmarks.*--landmarks/,
    );
  });
});
