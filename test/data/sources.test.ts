import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FaceDataset, type FaceDatasetOptions } from '../../lib/data/face-dataset';
import type { FaceSource } from '../../lib/data/sources/option-types';
import { rejects } from '../support/assert';
import { makeDataset, makeRaw } from '../support/faces';
import { temporaryFolder } from '../support/folder';

type Given = string | FaceSource | FaceSource[];

describe('sources of faces', () => {
  const folder = temporaryFolder();
  let made = 0;
  const place = () => path.join(folder, String(made++));

  /** A folder with these files; an image's content is its path. */
  function files(...paths: string[]): string {
    const root = place();
    mkdirSync(root, { recursive: true });
    for (const file of paths) {
      mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
      writeFileSync(path.join(root, file), file);
    }
    return root;
  }

  function written(name: string, text: string): string {
    const file = path.join(files(), name);
    writeFileSync(file, text);
    return file;
  }

  async function look(sources: Given, options: FaceDatasetOptions = {}) {
    const said: string[] = [];
    const set = await FaceDataset.open(sources, { onMessage: (text) => said.push(text), ...options });
    try {
      const samples = Array.from({ length: set.length }, (_, i) => {
        const { label, image } = set.read(i);
        assert.equal(label, set.labels[i]);
        return `${label} ${image.toString()}`;
      });
      const points = samples.map((_, i) => set.points(i));
      const { numClasses, classNames, layout, samplesPerClass, sources: parts } = set;
      return { samples, points, numClasses, classNames, layout, counts: [...samplesPerClass], parts, said };
    } finally {
      set.close();
    }
  }

  describe('a folder of images', () => {
    it('gives classes by the order of code units, images by path, and keeps the names', async () => {
      const root = files(
        'b/2.jpg',
        'b/10.PNG',
        'B/x.webp',
        'ä/1.jpeg',
        'a b/1.jpg',
        'B/notes.txt',
        'readme.jpg',
      );
      const found = await look(root);
      assert.equal(found.layout, 'folder');
      assert.deepEqual(found.classNames, ['B', 'a b', 'b', 'ä']);
      assert.deepEqual(found.samples, ['0 B/x.webp', '1 a b/1.jpg', '2 b/10.PNG', '2 b/2.jpg', '3 ä/1.jpeg']);
    });

    it('takes images from folders below an identity, and passes over what begins with a dot', async () => {
      const root = files('p/v/2.jpg', 'p/1.jpg', 'p/v/w/3.jpg', '.git/x.jpg', 'p/.thumb.jpg', 'q/z/9.jpg');
      const found = await look(root);
      assert.deepEqual(found.samples, ['0 p/1.jpg', '0 p/v/2.jpg', '0 p/v/w/3.jpg', '1 q/z/9.jpg']);
    });

    it('follows links to folders and files, and does not follow one in a circle for ever', async () => {
      const root = files('p/1.jpg');
      symlinkSync(files('deep/2.jpg'), path.join(root, 'q'));
      symlinkSync(path.join(root, 'p', '1.jpg'), path.join(root, 'p', '2.jpg'));
      symlinkSync(path.join(root, 'nowhere'), path.join(root, 'p', '3.jpg'));
      assert.deepEqual((await look(root)).samples, ['0 p/1.jpg', '0 p/1.jpg', '1 deep/2.jpg']);
      symlinkSync(root, path.join(root, 'q', 'back'));
      await rejects(look(root), 'ERR_DATA_CORRUPT', /nested more than 32 deep.*link/);
    });

    it('leaves folders without images out, and says so', async () => {
      const root = files('a/1.jpg', 'empty/notes.txt', 'z/1.jpg');
      const found = await look(root);
      assert.deepEqual(found.classNames, ['a', 'z']);
      assert.match(found.said.join(), /1 folder has no image that is read.*"empty"/);
    });

    it('is refused where it has no images or another number of identities', async () => {
      await rejects(look(files('notes/x.txt')), 'ERR_DATA_NOT_FOUND', /train\.rec.*folders with images/);
      await rejects(look(files('a/1.jpg'), { numClasses: 2 }), 'ERR_CONFIG', /2 classes were expected.* 1 /);
      await rejects(look(path.join(folder, 'none')), 'ERR_DATA_NOT_FOUND', /no folder/);
    });

    it('says which image is gone, empty or no file', async () => {
      const root = files('a/1.jpg', 'a/2.jpg');
      writeFileSync(path.join(root, 'a/3.jpg'), '');
      const set = await FaceDataset.open(root);
      assert.equal(set.read(1).image.toString(), 'a/2.jpg');
      assert.throws(() => set.read(2), {
        code: 'ERR_DATA_CORRUPT',
        message: /sample 2 \(a\/3\.jpg\).*empty/,
      });
      set.close();
      assert.throws(() => set.read(0), { code: 'ERR_DISPOSED' });
    });
  });

  describe('a .lst file', () => {
    it('of im2rec has an index, labels and a path', async () => {
      const root = files('x/1.jpg', 'y z.jpg', '2.jpg');
      const list = written('train.lst', '0\t1.000000\tx/1.jpg\r\n2\t0\t5\ty z.jpg\n\n1\t1\t2.jpg');
      const found = await look({ list, root });
      assert.equal(found.layout, 'list');
      assert.deepEqual(found.samples, ['1 x/1.jpg', '0 y z.jpg', '1 2.jpg']);
      assert.deepEqual(found.counts, [1, 2]);
    });

    it('of face2rec2 has the path before the label, maybe a box, maybe five points, which are kept', async () => {
      const root = files('a.jpg', 'b.jpg', 'c.jpg');
      const points = '1 2 3 4 5 11 12 13 14 15.5'.replaceAll(' ', '\t');
      writeFileSync(
        path.join(root, 'faces.lst'),
        `1\ta.jpg\t0\n0\tb.jpg\t1\t10\t20\t30\t40\t${points}\n1\tc.jpg\t1\t1\t2\t3\t4\n`,
      );
      const found = await look(path.join(root, 'faces.lst')); // paths are relative to the list's own folder
      assert.deepEqual(found.samples, ['0 a.jpg', '1 b.jpg', '1 c.jpg']);
      assert.deepEqual(found.points, [
        undefined,
        [
          [1, 11],
          [2, 12],
          [3, 13],
          [4, 14],
          [5, 15.5],
        ],
        undefined,
      ]);
      assert.match(found.said.join(), /1 of 3 images are not aligned.*line 2/);
    });

    it('keeps the points of a subset with their images', async () => {
      const line = (n: number) => `0\t${n}.jpg\t${n % 2}\t0\t0\t9\t9${`\t${n}`.repeat(10)}\n`;
      const root = files(...Array.from({ length: 3000 }, (_, n) => `${n}.jpg`).slice(0, 4));
      const list = path.join(root, 'l.lst');
      writeFileSync(list, Array.from({ length: 3000 }, (_, n) => line(n)).join(''));
      const set = await FaceDataset.open(list, { identities: [1] });
      assert.equal(set.length, 1500);
      assert.deepEqual(set.points(1200)?.[4], [2401, 2401]);
      assert.equal(set.read(1).image.toString(), '3.jpg');
      set.close();
    });

    it('is refused with its line where it is none', async () => {
      const bad = async (text: string, code: 'ERR_DATA_CORRUPT' | 'ERR_LABEL_RANGE', what: RegExp) =>
        rejects(look(written('bad.lst', text)), code, what);
      await bad('', 'ERR_DATA_CORRUPT', /empty/);
      await bad('0\t0\ta.jpg\n1 0 b.jpg\n', 'ERR_DATA_CORRUPT', /bad\.lst, line 2: expected/);
      await bad('0\t0\ta.jpg\n1\t0.5\tb.jpg\n', 'ERR_DATA_CORRUPT', /line 2.*0\.5, not an integer/);
      await bad('0\t0\ta.jpg\n1\t-1\tb.jpg\n', 'ERR_LABEL_RANGE', /line 2.*-1/);
      await bad('1\ta.jpg\t0\n1\tb.jpg\t0\t7\n', 'ERR_DATA_CORRUPT', /line 2/);
      await bad('1\ta.jpg\t0\n2\tb.jpg\t0\n', 'ERR_DATA_CORRUPT', /line 2/);
      await bad(`0\t0\t${'x'.repeat(70_000)}\n`, 'ERR_DATA_CORRUPT', /line 1.*more than 65536/);
      await bad('0\t1\ta.jpg\n1\t2\tb.jpg\n', 'ERR_LABEL_RANGE', /class 0.*count from 1/);
      await bad('0\t0\ta.jpg\n1\t2\tb.jpg\n', 'ERR_LABEL_RANGE', /1 of 3 classes have no image.*class 1/);
      await rejects(look(path.join(folder, 'no.lst')), 'ERR_DATA_NOT_FOUND', /no list/);
      await rejects(
        look(written('b.lst', '0\t0\ta\n1\t5\tb\n'), { numClasses: 2 }),
        'ERR_LABEL_RANGE',
        /more classes than .*label 5/,
      );
    });

    it('names the image that it lists but nobody has', async () => {
      await rejects(
        look(written('gone.lst', '0\t0\tgone.jpg\n')),
        'ERR_DATA_CORRUPT',
        /sample 0 \(gone\.jpg\): there is no file/,
      );
    });
  });

  describe('mixed', () => {
    const text = (from: string) => (n: number) => Buffer.from(`${from}${n}`);
    const records = (counts: number[], from: string) => makeDataset(place(), counts, text(from));

    it('appends the classes of each, and knows where each begins', async () => {
      const found = await look([
        { root: await records([2, 1], 'r') },
        { root: files('p/1.jpg', 'q/1.jpg'), weight: 2 },
        { root: await records([1, 1], 's') },
      ]);
      assert.equal(found.layout, 'mixed');
      assert.deepEqual(found.samples, ['0 r0', '0 r1', '1 r2', '2 p/1.jpg', '3 q/1.jpg', '4 s0', '5 s1']);
      assert.deepEqual(found.classNames, [null, null, 'p', 'q', null, null]);
      assert.deepEqual(
        found.parts.map(({ start, end, weight }) => [start, end, weight]),
        [
          [0, 3, 1],
          [3, 5, 2],
          [5, 7, 1],
        ],
      );
    });

    it('shares identities of one name where that is asked for', async () => {
      const found = await look([
        { root: files('ann/1.jpg', 'bob/1.jpg'), labels: 'shared' },
        { root: files('ann/9.jpg') },
        { root: files('abe/2.jpg', 'bob/2.jpg'), labels: 'shared' },
      ]);
      assert.deepEqual(found.samples, [
        '0 ann/1.jpg',
        '1 bob/1.jpg',
        '2 ann/9.jpg',
        '3 abe/2.jpg',
        '1 bob/2.jpg',
      ]);
      assert.deepEqual(found.classNames, ['ann', 'bob', 'ann', 'abe']);
      assert.deepEqual(found.counts, [1, 2, 1, 1]);
    });

    it('shares labels where no shared source has names, and refuses half and half', async () => {
      const shards: FaceSource[] = [
        { root: await records([1, 1], 'a'), labels: 'shared' },
        { root: await records([1, 1, 1], 'b'), labels: 'shared' },
      ];
      assert.deepEqual((await look(shards)).samples, ['0 a0', '1 a1', '0 b0', '1 b1', '2 b2']);
      const named: FaceSource = { root: files('ann/1.jpg'), labels: 'shared' };
      await rejects(look([...shards, named]), 'ERR_CONFIG', /cannot be shared.*classes\.json/);
    });

    it('knows the names that stand beside records', async () => {
      const root = await records([1, 2], 'r');
      writeFileSync(path.join(root, 'classes.json'), '["ann", "bob"]');
      const shared: FaceSource[] = [
        { root, labels: 'shared' },
        { root: files('bob/1.jpg'), labels: 'shared' },
      ];
      assert.deepEqual((await look(shared)).samples, ['0 r0', '1 r1', '1 r2', '1 bob/1.jpg']);
      assert.deepEqual((await look({ root, identities: ['bob'] })).samples, ['0 r1', '0 r2']);
      for (const [names, what] of [
        ['["ann"]', /it has 1/],
        ['["ann", "ann"]', /twice/],
        ['{}', /something else/],
        ['[', /no JSON/],
      ] as const) {
        writeFileSync(path.join(root, 'classes.json'), names);
        await rejects(look(root), 'ERR_DATA_CORRUPT', what);
      }
    });

    it('takes a subset of each by label, name and number', async () => {
      const found = await look([
        { root: await records([2, 1, 3], 'r'), identities: [2, 0], imagesPerIdentity: 2 },
        { root: files('p/1.jpg', 'q/1.jpg'), identities: ['q'] },
      ]);
      assert.deepEqual(found.samples, ['1 r0', '1 r1', '0 r3', '0 r4', '2 q/1.jpg']);
      const root = files('p/1.jpg');
      await rejects(look({ root, identities: ['x'] }), 'ERR_ARGUMENT', /no identity "x"/);
      await rejects(
        look({ root: await records([1], 'r'), identities: ['x'] }),
        'ERR_ARGUMENT',
        /has no names.*classes\.json/,
      );
      await rejects(look({ root, identities: 1e9 }), 'ERR_ARGUMENT', /a number from 1 to 1/);
    });

    it('has the number of classes and the size of images that it must', async () => {
      const sources = [{ root: await records([1, 1], 'r') }, { root: files('p/1.jpg') }];
      assert.equal((await look(sources, { numClasses: 3 })).numClasses, 3);
      await rejects(look(sources, { numClasses: 2 }), 'ERR_CONFIG', /2 sources have 3/);
      await rejects(look(sources, { imageSize: [96, 96] }), 'ERR_CONFIG', /112 x 112.*96 x 96/);
      await rejects(look([]), 'ERR_ARGUMENT', /at least one source/);
      await rejects(look([{}]), 'ERR_ARGUMENT', /a folder, or a list/);
      for (const weight of [0, -1, NaN, Infinity])
        await rejects(look([{ root: files('p/1.jpg'), weight }]), 'ERR_ARGUMENT', /weight/);
    });

    it('takes a .rec file of any name with the index beside it', async () => {
      const root = await makeRaw(place(), [{ key: 0, label: 0, image: text('x')(0) }], '1,112,112');
      assert.deepEqual((await look(path.join(root, 'train.rec'))).samples, ['0 x0']);
    });
  });

  describe('a list of images to skip', () => {
    it('leaves records out by key, keeps classes that lose all, and says what it did', async () => {
      const root = await makeDataset(place(), [2, 1], (n) => Buffer.from(`r${n}`));
      const skipList = written('bad.txt', '# made by verify\n1\tnot an image\n\n3\r\n99\n');
      const found = await look({ root, skipList });
      assert.deepEqual(found.samples, ['0 r1']);
      assert.deepEqual(found.counts, [1, 0]);
      assert.match(
        found.said.join(),
        /2 images are left out.* 1 of its 3 entries name no image.* 1 classes have/,
      );
    });

    it('leaves files out by their relative paths', async () => {
      const root = files('a/1.jpg', 'a/2 b.jpg', 'c/1.jpg');
      const skipList = written('bad.txt', 'a/2 b.jpg\ttruncated\n');
      assert.deepEqual((await look({ root, skipList })).samples, ['0 a/1.jpg', '1 c/1.jpg']);
    });

    it('is refused where it is missing or of another kind of set', async () => {
      const root = await makeDataset(place(), [1], (n) => Buffer.from(`r${n}`));
      await rejects(look({ root, skipList: path.join(folder, 'no.txt') }), 'ERR_DATA_NOT_FOUND', /skip/);
      await rejects(
        look({ root, skipList: written('paths.txt', 'a/1.jpg\n') }),
        'ERR_DATA_CORRUPT',
        /expected the key of a record but found "a\/1\.jpg"/,
      );
    });
  });
});
