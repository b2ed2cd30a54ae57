import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { listImageFolder, readImageList } from '../../lib/data/lists/image-list';
import { readLandmarks } from '../../lib/data/lists/landmarks';
import { rejects } from '../support/assert';
import { temporaryFolder, writeFile, writeFiles } from '../support/folder';

describe('image lists', () => {
  const folder = temporaryFolder();
  let files = 0;

  function tree(...paths: string[]): string {
    return writeFiles(
      path.join(folder, `tree-${files++}`),
      Object.fromEntries(paths.map((file) => [file, ''])),
    );
  }

  function text(content: string): string {
    return writeFile(folder, `list-${files++}.lst`, content);
  }

  describe('of folders', () => {
    it('sort identities and images by code units, whatever the language of the machine', async () => {
      const root = tree(
        'b/1.jpg',
        'ä/1.jpg',
        'B/10.jpg',
        'B/9.jpg',
        'a/x.PNG',
        'a/deep/er/z.webp',
        'a/w.jpeg',
      );
      assert.deepEqual(await listImageFolder(root), {
        names: ['B', 'a', 'b', 'ä'],
        images: [
          { path: 'B/10.jpg', label: 0 },
          { path: 'B/9.jpg', label: 0 },
          { path: 'a/deep/er/z.webp', label: 1 },
          { path: 'a/w.jpeg', label: 1 },
          { path: 'a/x.PNG', label: 1 },
          { path: 'b/1.jpg', label: 2 },
          { path: 'ä/1.jpg', label: 3 },
        ],
      });
    });

    it('pass over hidden files, other files and folders without images', async () => {
      const root = tree('a/1.jpg', 'a/.2.jpg', 'a/notes.txt', '.git/3.jpg', 'empty/readme', 'list.lst');
      assert.deepEqual(await listImageFolder(root), {
        names: ['a'],
        images: [{ path: 'a/1.jpg', label: 0 }],
      });
    });

    it('say what is missing', async () => {
      await rejects(listImageFolder(path.join(folder, 'none')), 'ERR_DATA_NOT_FOUND', /no folder .*none/);
      await rejects(
        listImageFolder(tree('a/readme')),
        'ERR_DATA_NOT_FOUND',
        /holds no images.*a folder for each/,
      );
      await rejects(
        listImageFolder(tree('1.jpg', 'a/1.jpg')),
        'ERR_DATA_NOT_FOUND',
        /1\.jpg belongs to no identity/,
      );
    });

    it('follow links, but not in circles', async () => {
      const target = tree('1.jpg');
      const root = tree('a/1.jpg');
      symlinkSync(target, path.join(root, 'linked'));
      assert.deepEqual((await listImageFolder(root)).names, ['a', 'linked']);
      symlinkSync(root, path.join(root, 'a', 'loop'));
      await rejects(listImageFolder(root), 'ERR_DATA_CORRUPT', /loop is a link to a folder that it lies in/);
    });
  });

  describe('of im2rec', () => {
    it('hold an index, labels and a path', async () => {
      const file = text('7\t1\tx/b.jpg\n\n3\t0.000000\t5\ty/a.jpg\r\n');
      assert.deepEqual(await readImageList(file), {
        names: ['y', 'x'],
        images: [
          { path: 'x/b.jpg', label: 1 },
          { path: 'y/a.jpg', label: 0 },
        ],
      });
    });

    it('name classes by their labels where folders do not tell them apart', async () => {
      assert.deepEqual((await readImageList(text('0\t0\tx/a.jpg\n1\t1\tx/b.jpg'))).names, ['0', '1']);
      assert.deepEqual((await readImageList(text('0\t0\ta.jpg\n1\t1\ty/b.jpg'))).names, ['0', '1']);
      assert.deepEqual((await readImageList(text('0\t0\tx/a.jpg\n1\t0\ty/b.jpg'))).names, ['0']);
    });
  });

  describe('of face2rec2', () => {
    const points = [30, 60, 45, 32, 58, 50, 51, 70, 90, 91].join('\t');

    it('hold a mark, a path, a label, and perhaps a box and five points', async () => {
      const file = text(
        `\ufeff1\ta/1.jpg\t0\n0\tb/2.jpg\t1\t1\t2\t3\t4\n0\tb/3.jpg\t1\t1\t2\t3\t4\t${points}\n`,
      );
      assert.deepEqual(await readImageList(file), {
        names: ['a', 'b'],
        images: [
          { path: 'a/1.jpg', label: 0, aligned: true },
          { path: 'b/2.jpg', label: 1, aligned: false },
          {
            path: 'b/3.jpg',
            label: 1,
            aligned: false,
            points: [
              [30, 50],
              [60, 51],
              [45, 70],
              [32, 90],
              [58, 91],
            ],
          },
        ],
      });
    });

    it('number labels with gaps anew only when asked', async () => {
      const file = text('1\tp/1.jpg\t4\n1\tq/2.jpg\t1\n1\tp/3.jpg\t4\n');
      await rejects(
        readImageList(file),
        'ERR_LABEL_RANGE',
        /none is 0, but 1 occurs \(first in line 2\).*count from 1/,
      );
      await rejects(
        readImageList(text('1\ta\t0\n1\tb\t2\n')),
        'ERR_LABEL_RANGE',
        /none is 1, but 2 occurs \(first in line 2\)/,
      );
      const { names, images } = await readImageList(file, { labels: 'renumber' });
      assert.deepEqual(
        [names, images.map(({ label }) => label)],
        [
          ['q', 'p'],
          [1, 0, 1],
        ],
      );
      const kept = await readImageList(file, { labels: 'keep' });
      assert.deepEqual(
        kept.images.map(({ label }) => label),
        [4, 1, 4],
      );
    });
  });

  it('that are damaged give the line', async () => {
    const cases: [string, RegExp][] = [
      ['0\t0\ta.jpg\n1\t1\n', /line 2: expected "index<TAB>label<TAB>path"/],
      ['0\t0\ta.jpg\nx\t1\tb.jpg\n', /line 2: expected "index/],
      ['0\t0\ta.jpg\n1\t0.5\tb.jpg\n', /line 2: its label is 0.5, not an integer/],
      ['1\ta.jpg\t0\n2\tb.jpg\t0\n', /line 2: expected "0\|1<TAB>path<TAB>label/],
      ['1\ta.jpg\t0\t1\t2\n', /line 1: expected "0\|1/],
      ['1\ta.jpg\t0\n1\ta.jpg\t0\t1\t2\t3\tx\n', /line 2: expected "0\|1/],
      ['1\ta.jpg\tzero\n', /line 1: expected/],
      ['a.jpg\n', /line 1: expected/],
      ['\n\n', /lists no images/],
    ];
    for (const [content, message] of cases)
      await rejects(readImageList(text(content)), 'ERR_DATA_CORRUPT', message);
    for (const label of ['-1', '1e9'])
      await rejects(
        readImageList(text(`0\t0\ta.jpg\n1\t${label}\tb.jpg\n`)),
        'ERR_LABEL_RANGE',
        /line 2: its label is/,
      );
    await rejects(readImageList(text('x'.repeat(3 << 20))), 'ERR_DATA_CORRUPT', /more than 65536 characters/);
    await rejects(readImageList(path.join(folder, 'none.lst')), 'ERR_DATA_NOT_FOUND', /no list .*none\.lst/);
  });
});

describe('landmarks', () => {
  const folder = temporaryFolder();
  const write = (content: string, name = 'landmarks.txt') => writeFile(folder, name, content);
  const five = Array.from({ length: 5 }, (_, i) => [10 * i + 1, 10 * i + 2] as const);

  it('are read with tabs, commas or spaces, with a header, a score or comments', async () => {
    const numbers = five.flat();
    for (const content of [
      `a/1.jpg ${numbers.join(' ')}\n`,
      `file,x1,y1,x2,y2,x3,y3,x4,y4,x5,y5\na/1.jpg,${numbers.join(',')}\n`,
      `# points\n\na/1.jpg\t${numbers.join('\t')}\t0.99\n`,
      `0\ta/1.jpg\t3\t0\t0\t9\t9\t${[...five.map(([x]) => x), ...five.map(([, y]) => y)].join('\t')}\n`,
    ])
      assert.deepEqual((await readLandmarks(write(content))).find('a/1.jpg'), five, content);
    const many = Array.from({ length: 136 }, (_, i) => i);
    const points = (await readLandmarks(write(`p ${many.join(' ')}`))).find('p');
    assert.equal(points?.length, 68);
    assert.deepEqual(points?.[67], [134, 135]);
  });

  it('are found by the name of the file where that is unambiguous', async () => {
    const numbers = five.flat().join(' ');
    const landmarks = await readLandmarks(
      write(`a/1.jpg ${numbers}\na/2.jpg ${numbers}\nb/2.jpg ${numbers}\n`),
    );
    assert.deepEqual(landmarks.find('elsewhere/1.jpg'), five);
    assert.deepEqual(landmarks.find('elsewhere/1.png'), five, 'another ending');
    const windows = await readLandmarks(write(`.\\p\\1.jpg ${five.flat().join(' ')}`, 'w.txt'));
    assert.deepEqual(windows.find('p/1.jpg'), five);
    assert.deepEqual(windows.find('./p\\1.jpg'), five);
    assert.equal(landmarks.find('2.jpg'), undefined);
    assert.match(landmarks.whyMissing('2.jpg'), /several images of that name/);
    assert.match(landmarks.whyMissing('3.jpg'), /no landmarks of it/);
  });

  it('that are damaged give the line', async () => {
    const numbers = five.flat().join(' ');
    await rejects(
      readLandmarks(write(`a ${numbers}\nb 1 2 3\n`)),
      'ERR_DATA_CORRUPT',
      /line 2: .*but 3 numbers follow "b"; 5 points are 10 numbers/,
    );
    await rejects(
      readLandmarks(write(`a ${numbers}\na ${numbers}\n`)),
      'ERR_DATA_CORRUPT',
      /line 2: a occurs twice/,
    );
    await rejects(
      readLandmarks(write(`a ${numbers}\nb ${numbers.replace('11', 'NaN')}\n`)),
      'ERR_DATA_CORRUPT',
      /line 2/,
    );
    await rejects(readLandmarks(write('')), 'ERR_DATA_CORRUPT', /holds no landmarks/);
    const wrong = (line: string, text: RegExp) =>
      rejects(readLandmarks(write(line)), 'ERR_DATA_CORRUPT', text);
    await wrong('{"a.jpg": [[1, 2], [3, 4]]}', /is JSON\. Expected text with a line for each image/);
    await wrong('[\n  {"file": "a.jpg"}\n]', /is JSON/);
    await wrong(`a.jpg;${'1;'.repeat(10)}`, /separated by semicolons/);
    await wrong(`a.jpg 1 2 3 4 5 6 x7 8 9 10`, /column 8 is "x7", which is no number \(of 11 columns\)/);
    await wrong(`a.jpg ${'1 '.repeat(14)}`, /14 numbers follow "a\.jpg"; .*Perhaps four of them are a box/);
  });
});
