import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../../lib/config';
import { FaceDataset } from '../../lib/data/face-dataset';
import { readClassNames } from '../../lib/data/layout/class-names';
import { readProperty } from '../../lib/data/layout/property';
import { readFaceList } from '../../lib/data/lists/face-list';
import { readLandmarks } from '../../lib/data/lists/landmarks';
import { readSkipList } from '../../lib/data/lists/skip-list';
import { readPairList } from '../../lib/data/protocols/pair-list';
import { readRecordIndex } from '../../lib/data/recordio/index-file';
import { readLineBatches, readLines } from '../../lib/files/lines';
import { rejects } from '../support/assert';
import { anyBytes, makeDataset } from '../support/faces';
import { temporaryFolder, writeFile } from '../support/folder';

const MARK = '\ufeff';
const FIVE = '1 1 2 1 1.5 2 1 3 2 3';

describe('text files', () => {
  const folder = temporaryFolder();
  const write = (name: string, content: Buffer | string) => writeFile(folder, name, content);
  const list = async (file: string) => {
    const paths: string[] = [];
    await readFaceList(file, (entry) => paths.push(entry.path));
    return paths;
  };

  /** Each kind of text: its file, its content, a reader, and what that gives. */
  const kinds: [name: string, text: string, read: (file: string) => Promise<unknown>, found: unknown][] = [
    ['property', '7,112,96\r\n', readProperty, { numClasses: 7, imageSize: [112, 96] }],
    ['classes.json', '["a", "b"]\r\n', (file) => readClassNames(file), ['a', 'b']],
    ['train.idx', '0\t0\r\n1\t48\r\n', async (file) => [...(await readRecordIndex(file)).offsets], [0, 48]],
    ['some.lst', '1\ta/1.jpg\t0\r\n1\ta/2.jpg\t0\r\n', list, ['a/1.jpg', 'a/2.jpg']],
    ['im2rec.lst', '0\t3\ta/1.jpg\r\n', list, ['a/1.jpg']],
    [
      'pairs.txt',
      'a b 1\r\n',
      async (file) => (await readPairList(file)).pairs,
      [{ a: 'a', b: 'b', isSame: true }],
    ],
    ['lfw.txt', '1\r\nA\t1\t2\r\nA\t1\tB\t1\r\n', async (file) => (await readPairList(file)).form, 'lfw'],
    [
      'landmarks.txt',
      `a.jpg ${FIVE}\r\n`,
      async (file) => (await readLandmarks(file)).find('a.jpg')?.length,
      5,
    ],
    ['skip.txt', '5\tbad\r\n7\r\n', readSkipList, new Set(['5', '7'])],
    ['own.json', '{ "name": "own" }', async (file) => (await loadConfig(file, ['data.root=x'])).name, 'own'],
    ['own.yaml', 'name: own\r\n', async (file) => (await loadConfig(file, ['data.root=x'])).name, 'own'],
    [
      'own.mjs',
      "export default { name: 'own' };\r\n",
      async (file) => (await loadConfig(file, ['data.root=x'])).name,
      'own',
    ],
  ];

  for (const [name, text, read, found] of kinds) {
    it(`are read with and without a byte order mark: ${name}`, async () => {
      for (const mark of ['', MARK]) assert.deepEqual(await read(write(name, mark + text)), found);
    });

    it(`are refused in UTF-16, which is said, with a mark and without: ${name}`, async () => {
      const code = name.startsWith('own.') ? 'ERR_CONFIG' : 'ERR_DATA_CORRUPT';
      const little = Buffer.from(text, 'utf16le');
      const big = Buffer.from(little).swap16();
      for (const bytes of [
        little,
        Buffer.concat([Buffer.from([0xff, 0xfe]), little]),
        Buffer.concat([Buffer.from([0xfe, 0xff]), big]),
      ])
        await rejects(read(write(`16-${name}`, bytes)), code, /16-.* is text in UTF-16.* Save it as UTF-8/);
    });

    it(`are refused where they are something else: ${name}`, async () => {
      const code = name.startsWith('own.') ? 'ERR_CONFIG' : 'ERR_DATA_CORRUPT';
      const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n';
      await rejects(read(write(`lfs-${name}`, pointer)), code, /is a Git LFS pointer, not a.*git lfs pull/);
      const page = '\n<!DOCTYPE html>\n<html><head><title>Sign in</title>';
      await rejects(
        read(write(`page-${name}`, page)),
        code,
        /is a web page, not a.*download the file itself/,
      );
      const gzip = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
      await rejects(read(write(`gz-${name}`, gzip)), code, /is compressed by gzip, not a.*Unpack it/);
    });
  }

  it('of a dataset may all have a mark', async () => {
    const root = await makeDataset(path.join(folder, 'set'), [2, 1], anyBytes);
    writeFileSync(path.join(root, 'classes.json'), '["x", "y"]');
    for (const name of ['property', 'classes.json', 'train.idx']) {
      const file = path.join(root, name);
      writeFileSync(file, MARK + readFileSync(file, 'utf8'));
    }
    const set = await FaceDataset.open(root);
    assert.deepEqual([set.length, set.classNames], [3, ['x', 'y']]);
    set.close();
  });

  it('have an index made anew where a pointer stands in its place', async () => {
    const root = await makeDataset(path.join(folder, 'pointer'), [2, 1], anyBytes);
    const idx = path.join(root, 'train.idx');
    writeFileSync(idx, 'version https://git-lfs.github.com/spec/v1\n');
    const said: string[] = [];
    const set = await FaceDataset.open(root, { onMessage: (text) => said.push(text) });
    assert.equal(set.length, 3);
    set.close();
    assert.match(said[0]!, /train\.idx is a Git LFS pointer.*An index is made by a scan/);
    rmSync(`${idx}.rebuilt`);
    copyFileSync(idx, path.join(root, 'train.rec'));
    await rejects(
      FaceDataset.open(root),
      'ERR_DATA_CORRUPT',
      /train\.rec is a Git LFS pointer, not a record file/,
    );
  });

  it('give the same lines, whatever the pieces they are read in', async () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `${i} ${'ä€😀'.repeat(i % 9)}`);
    const file = write('long.txt', `${MARK}${lines.join('\r\n')}`);
    const found: string[] = [];
    let batches = 0;
    for await (const batch of readLineBatches(file)) {
      batches++;
      for (const { text, number } of batch) {
        assert.equal(number, found.length + 1);
        found.push(text);
      }
    }
    assert.ok(batches > 1);
    assert.deepEqual(found, lines);
    let count = 0;
    for await (const { text } of readLines(file)) assert.equal(text, lines[count++]);
    assert.equal(count, lines.length);
  });

  it('are read until they are told to stop, and no line is longer than it may be', async () => {
    const file = write('a.txt', 'one\ntwo\n');
    const read = async (options: object) => {
      for await (const _ of readLines(file, options));
    };
    await rejects(read({ signal: AbortSignal.abort() }), 'ERR_CANCELLED', /a\.txt was interrupted/);
    await rejects(read({ maxLine: 2 }), 'ERR_DATA_CORRUPT', /line 1: it has more than 2 characters/);
    await rejects(
      (async () => {
        for await (const _ of readLines(path.join(folder, 'none')));
      })(),
      'ERR_DATA_NOT_FOUND',
      /no file/,
    );
  });
});
