import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { FaceDataset } from '../../lib/data/face-dataset';
import { readClassNames } from '../../lib/data/layout/class-names';
import { decodeWhole } from '../../lib/image/convert';
import { imageFormat } from '../../lib/image/format';
import { alignImages } from '../../lib/prepare/align-images';
import { checkData } from '../../lib/prepare/check';
import { inspectData } from '../../lib/prepare/inspect';
import { packDataset } from '../../lib/prepare/pack';
import { rejects } from '../support/assert';
import { jpeg, pixels, png } from '../support/faces';
import { temporaryFolder, writeFiles } from '../support/folder';

const workers = 0;

describe('images of other kinds than JPEG, PNG and WebP', () => {
  const folder = temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  const encoded = (number: number, format: 'gif' | 'tiff' | 'avif') => {
    const image = sharp(pixels(number), { raw: { width: 112, height: 112, channels: 3 } });
    if (format === 'tiff') return image.tiff({ compression: 'lzw' }).toBuffer();
    return format === 'gif' ? image.gif().toBuffer() : image.avif({ lossless: true }).toBuffer();
  };
  const bmp = Buffer.concat([Buffer.from('BM'), Buffer.alloc(100)]);
  const said: string[] = [];
  const onMessage = (text: string) => said.push(text);
  beforeEach(() => (said.length = 0));

  before(async () => {
    writeFiles(at('set'), {
      'anna/1.jpg': jpeg(1),
      'anna/2.BMP': bmp,
      'anna/3.TIF': await encoded(3, 'tiff'),
      'anna/4.gif': await encoded(4, 'gif'),
      'anna/5.avif': await encoded(5, 'avif'),
      'anna/Thumbs.db': 'x',
      'anna/.DS_Store': 'x',
      'anna/._1.jpg': 'x',
      'anna/@eaDir/1.jpg/thumb.jpg': jpeg(90),
      'bert/1.bmp': bmp,
      'bert/2.heic': 'x',
      'carl/1.jfif': jpeg(6),
      'carl/2.JPE': jpeg(7),
      'carl/3': await png(8),
      'carl/4': 'no image',
      'carl/5.jpg.part': jpeg(91),
      '__MACOSX/anna/1.jpg': jpeg(92),
      '@eaDir/thumb.jpg': jpeg(93),
      '#recycle/dora/1.jpg': jpeg(94),
      '.AppleDouble/1.jpg': jpeg(95),
      'empty/notes.txt': 'x',
    });
  });

  const READ = [
    'anna/1.jpg',
    'anna/3.TIF',
    'anna/4.gif',
    'anna/5.avif',
    'carl/1.jfif',
    'carl/2.JPE',
    'carl/3',
  ];

  it('are read from folders where sharp reads them; the rest is counted, lost people are named', async () => {
    const set = await FaceDataset.open(at('set'), { onMessage });
    try {
      assert.deepEqual(set.classNames, ['anna', 'carl']);
      assert.equal(set.length, READ.length);
    } finally {
      set.close();
    }
    const text = said.join('\n');
    assert.match(
      text,
      /7 files were passed over, by ending: \.bmp \(2\), none \(1\), \.db \(1\), \.heic \(1\), \.part/,
    );
    for (const name of ['@eaDir', '#recycle', '__MACOSX'])
      assert.match(text, new RegExp(`folders that machines and tools keep .*: .*${name}`));
    assert.match(text, /2 folders have no image that is read and are no identities: "bert", "empty"/);
  });

  it('are counted by inspect, check, align and pack alike', async () => {
    const report = await inspectData(at('set'), { onMessage });
    assert.equal(report.images, READ.length);
    const checked = await checkData(at('set'), { workers, onMessage });
    assert.deepEqual([checked.checked, checked.bad], [READ.length, []]);
    const packed = await packDataset(at('set'), at('packed'), { workers, onMessage });
    assert.deepEqual([packed.images, packed.classes], [READ.length, 2]);
    assert.deepEqual(await readClassNames(at('packed/classes.json')), ['anna', 'carl']);
    const lost = said.filter((text) => text.includes('"bert", "empty"'));
    assert.equal(lost.length, 3);
    said.length = 0;
    await rejects(
      alignImages(at('set'), at('aligned'), { landmarks: at('none.txt'), workers, onMessage }),
      'ERR_DATA_NOT_FOUND',
    );
    assert.match(said.join('\n'), /"bert", "empty"/);
  });

  it('keep their pixels, and are packed as PNG where bytes cannot pass through', async () => {
    for (const [format, tolerance] of [
      ['tiff', 0],
      ['gif', 20],
      ['avif', 0],
    ] as const) {
      const image = await encoded(77, format);
      assert.equal(imageFormat(image), format);
      const { data } = await decodeWhole(image, format);
      const expected = pixels(77);
      const worst = data.reduce((max, value, i) => Math.max(max, Math.abs(value - expected[i]!)), 0);
      assert.ok(worst <= tolerance, `${format}: ${worst}`);
    }
    const dataset = await FaceDataset.open(at('packed'));
    try {
      const formats = Array.from({ length: dataset.length }, (_, i) => imageFormat(dataset.read(i).image));
      assert.deepEqual(formats, ['jpeg', 'png', 'png', 'png', 'jpeg', 'jpeg', 'png']);
      const first = (await decodeWhole(dataset.read(1).image, 'image')).data;
      assert.deepEqual(Buffer.from(first), pixels(3));
      assert.deepEqual(dataset.read(0).image, readFileSync(at('set/anna/1.jpg')));
    } finally {
      dataset.close();
    }
  });

  it('are named where nothing else is there', async () => {
    writeFiles(at('bitmaps'), { 'a/1.bmp': bmp, 'b/1.bmp': bmp, '@eaDir/1.jpg': jpeg(1) });
    const text = /2 files were passed over, by ending: \.bmp \(2\)/;
    await rejects(FaceDataset.open(at('bitmaps')), 'ERR_DATA_NOT_FOUND', text);
    await rejects(packDataset(at('bitmaps'), at('x'), { workers }), 'ERR_DATA_NOT_FOUND', text);
    await rejects(checkData(at('bitmaps'), { workers }), 'ERR_DATA_NOT_FOUND', text);
  });

  it('are named where their ending says something else', async () => {
    const kinds: [string, Buffer | string, RegExp][] = [
      ['bmp', bmp, /it is a BMP image, which is not read .*convert it to PNG/],
      ['heic', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'), /it is a HEIC image/],
      ['html', '<!DOCTYPE html><html>', /it is a web page, not an image/],
      ['lfs', 'version https://git-lfs.github.com/spec/v1\noid sha256:0', /it is a Git LFS pointer/],
      ['jxl', Buffer.from([0xff, 0x0a, 1, 2, 3, 4]), /it is a JPEG XL image/],
      ['text', 'hello', /it is not a JPEG, PNG or WebP image/],
    ];
    for (const [name, content, reason] of kinds) {
      writeFiles(at(`kinds/${name}`), { 'a.jpg': content });
      const { bad } = await checkData(at(`kinds/${name}`), { workers });
      assert.match(bad[0]!.reason, reason);
    }
  });

  it('are told of where images lie beside the folders of people', async () => {
    writeFiles(at('stray'), { 'a/1.jpg': jpeg(1), '7.jpg': jpeg(2), '8.jpg': jpeg(3), 'readme.md': 'x' });
    (await FaceDataset.open(at('stray'), { onMessage })).close();
    assert.match(
      said.join('\n'),
      /2 images lie in no folder and belong to no identity, the first of them 7\.jpg/,
    );
    assert.match(said.join('\n'), /\.md \(1\)/);
  });

  it('say nothing where everything was read', async () => {
    writeFiles(at('clean'), { 'a/1.jpg': jpeg(1), 'b/1.png': await png(2), 'b/.DS_Store': 'x' });
    (await FaceDataset.open(at('clean'), { onMessage })).close();
    await checkData(at('clean'), { workers, onMessage });
    assert.deepEqual(said, []);
  });
});
