import assert from 'node:assert/strict';
import path from 'node:path';
import { FaceDataset } from '../../lib/data/face-dataset';
import type { FaceSource } from '../../lib/data/sources/option-types';
import { packDataset } from '../../lib/prepare/pack';
import { rejects } from '../support/assert';
import { jpeg, makeDataset } from '../support/faces';
import { temporaryFolder, writeFile, writeFiles } from '../support/folder';

const workers = 0;
const BOX = '0\t0\t111\t111';
const POINTS = '38\t73\t56\t41\t70\t51\t51\t71\t92\t92';

describe('what is said of sets that are not as they should be', () => {
  const folder = temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  const said: string[] = [];
  const onMessage = (text: string) => said.push(text);
  beforeEach(() => (said.length = 0));

  async function length(source: FaceSource): Promise<number> {
    const set = await FaceDataset.open(source, { onMessage });
    set.close();
    return set.length;
  }

  before(() =>
    writeFiles(at('people'), {
      'a/1.jpg': jpeg(1),
      'a/2.jpg': jpeg(2),
      'b/1.jpg': jpeg(3),
      'b/c d.jpg': jpeg(4),
    }),
  );

  describe('a skip list', () => {
    it('names the entries that name no image', async () => {
      const skipList = writeFile(
        folder,
        'skip.txt',
        'a/1.jpg\tblurred\nz/1.jpg\nz/2.jpg\nz/3.jpg\nz/4.jpg\n',
      );
      assert.equal(await length({ root: at('people'), skipList }), 3);
      assert.match(
        said.join(),
        /1 images are left out.*4 of its 5 entries name no image \("z\/1\.jpg", "z\/2\.jpg", "z\/3\.jpg", \.\.\.\): is it the list of this set/,
      );
      const other = writeFile(folder, 'other.txt', 'q.jpg\n');
      assert.equal(await length({ root: at('people'), skipList: other }), 4);
      assert.match(said.at(-1)!, /0 images are left out.*None of its entries names an image \("q\.jpg"\)/);
    });

    it('takes paths as Windows, a shell or a whole file system writes them', async () => {
      const lines = ['a\\1.jpg', './a/2.jpg', 'b//1.jpg ', path.join(at('people'), 'b', 'c d.jpg')];
      for (const [i, line] of lines.entries()) {
        const skipList = writeFile(folder, `skip-${i}.txt`, `${line}\r\n`);
        assert.equal(await length({ root: at('people'), skipList }), 3, line);
        assert.doesNotMatch(said.at(-1)!, /no image/);
      }
    });

    it('is refused where it leaves nothing', async () => {
      const all = ['a/1.jpg', 'a/2.jpg', 'b/1.jpg', 'b/c d.jpg'].map((file) => `${file}\n`).join('');
      const skipList = writeFile(folder, 'all.txt', all);
      await rejects(length({ root: at('people'), skipList }), 'ERR_ARGUMENT', /all\.txt leaves no image of/);
    });

    it('names the keys that a record file lacks', async () => {
      const root = await makeDataset(at('records'), [2, 2]);
      const skipList = writeFile(folder, 'keys.txt', '2\n900\n');
      assert.equal(await length({ root, skipList }), 3);
      assert.match(said.join(), /1 of its 2 entries name no image \("900"\)/);
      const paths = writeFile(folder, 'paths.txt', 'a/1.jpg\n');
      await rejects(length({ root, skipList: paths }), 'ERR_DATA_CORRUPT', /key of a record.*"a\/1\.jpg"/);
    });
  });

  describe('a list with images that are not aligned', () => {
    const list = (name: string, lines: string[]) => writeFile(at('people'), name, `${lines.join('\n')}\n`);

    it('says how to align those that have no points', async () => {
      const file = list('none.lst', ['0\ta/1.jpg\t0', '1\ta/2.jpg\t0', '0\tb/1.jpg\t1']);
      assert.equal(await length({ root: file }), 3);
      assert.match(
        said.join(),
        /2 of 3 images are not aligned.*no points of them.*needs a file of landmarks \(--landmarks\)/,
      );
      said.length = 0;
      await packDataset(file, at('packed-none'), { workers, onMessage });
      assert.match(
        said.join(),
        /2 of 3 images are not aligned.*the first: a\/1\.jpg.*packed as they are.*--landmarks/,
      );
      await rejects(
        packDataset(file, at('x'), { workers, align: true }),
        'ERR_DATA_NOT_FOUND',
        /a\/1\.jpg cannot be aligned: the list has no five points.*--landmarks/,
      );
    });

    it('says how to align those that have points, and which have none', async () => {
      const line = `a/1.jpg\t0\t${BOX}\t${POINTS}`;
      const all = list('all.lst', [`0\t${line}`, '1\tb/1.jpg\t1']);
      await packDataset(all, at('packed-all'), { workers, onMessage });
      assert.match(said.join(), /1 of 2 images are not aligned.*--align takes the five points/);
      said.length = 0;
      const some = list('some.lst', [`0\t${line}`, '0\tb/1.jpg\t1']);
      await length({ root: some });
      assert.match(
        said.join(),
        /2 of 2 images are not aligned.*1 of them have no points in the list.*--landmarks/,
      );
    });

    it('says nothing where all are, or where they are aligned now', async () => {
      await packDataset(list('good.lst', ['1\ta/1.jpg\t0', '1\tb/1.jpg\t1']), at('good'), {
        workers,
        onMessage,
      });
      assert.deepEqual(said, []);
    });
  });

  describe('one class', () => {
    it('is said, with the folder that was meant', async () => {
      writeFiles(at('nested'), { 'train/a/1.jpg': jpeg(1), 'train/b/1.jpg': jpeg(2) });
      await length({ root: at('nested') });
      assert.match(said.join(), /nested has one class only.* perhaps .*nested\/train is the set/);
      said.length = 0;
      await packDataset(at('nested'), at('packed-nested'), { workers, onMessage });
      assert.match(said.join(), /perhaps .*nested\/train is the set/);
    });

    it('is said of records and lists, too', async () => {
      await length({ root: await makeDataset(at('single'), [3]) });
      assert.match(said.join(), /single has one class only.*a folder or a label for each person/);
      said.length = 0;
      await length({ root: writeFile(at('people'), 'one.lst', '0\t0\ta/1.jpg\n1\t0\ta/2.jpg\n') });
      assert.match(said.join(), /one\.lst has one class only/);
      said.length = 0;
      await length({ root: at('people') });
      assert.deepEqual(
        said.filter((text) => text.includes('one class')),
        [],
      );
    });
  });
});
