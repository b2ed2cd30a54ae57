import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FaceDataset } from '../../lib/data/face-dataset';
import { checkData } from '../../lib/prepare/check';
import { writeVerificationSet } from '../../lib/data/protocols/verification-set';
import { rejects } from '../support/assert';
import { jpeg, makeDataset, makeRaw } from '../support/faces';
import { temporaryFolder } from '../support/folder';

const workers = 0;

describe('verifying', () => {
  const folder = temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  let offsets: number[];

  before(async () => {
    const dataset = await FaceDataset.open(await makeDataset(at('good'), [2, 3, 1]));
    offsets = [...dataset.table.offsets];
    dataset.close();
  });

  /** A copy of the good dataset with some bytes changed. */
  function damaged(name: string, change: (rec: Buffer) => void): string {
    cpSync(at('good'), at(name), { recursive: true });
    const rec = path.join(at(name), 'train.rec');
    const bytes = readFileSync(rec);
    change(bytes);
    writeFileSync(rec, bytes);
    return at(name);
  }

  it('finds nothing in a good dataset, and tells how far it is', async () => {
    const progress: number[][] = [];
    const report = await checkData(at('good'), { workers, onProgress: (...step) => progress.push(step) });
    // A header record, six images, three identity records.
    assert.deepEqual(report, { kind: 'dataset', path: at('good'), checked: 10, bad: [], problems: [] });
    assert.deepEqual(progress.at(-1), [10, 10]);
    assert.deepEqual(await checkData(at('good'), { workers: 2 }), report);
  });

  it('lists each bad record with its key and the reason, for training to skip', async () => {
    const root = damaged('bad', (rec) => {
      rec.fill(0, offsets[0]! + 700, offsets[1]!); // the end of the first JPEG
      rec.writeUInt32LE(7, offsets[1]!); // a magic
      rec.writeFloatLE(2, offsets[3]! + 8 + 24); // a label
      rec.fill(0, offsets[4]! + 8 + 32, offsets[4]! + 8 + 40); // what makes a JPEG one
    });
    const list = at('bad.txt');
    const { bad, problems, checked } = await checkData(root, { workers, list });
    assert.equal(checked, 10);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      bad.map(({ key }) => key),
      ['1', '2', '4', '5'],
    );
    const reasons = [
      /truncated/,
      /no record begins/,
      /label is 2, but .* puts? image 4 into class 1/,
      /not a JPEG, PNG or WebP/,
    ];
    reasons.forEach((reason, i) => assert.match(bad[i]!.reason, reason));
    const lines = readFileSync(list, 'utf8').trimEnd().split('\n');
    assert.match(lines[0]!, /^# 4 of 10 records .* are bad/);
    assert.deepEqual(
      lines.slice(1),
      bad.map(({ key, reason }) => `${key}\t${reason}`),
    );
  });

  it('says that a dataset cannot be opened where the first image of an identity is lost', async () => {
    const root = damaged('first', (rec) => rec.writeUInt32LE(7, offsets[2]!));
    const { bad, problems } = await checkData(root, { workers });
    assert.deepEqual(
      bad.map(({ key }) => key),
      ['3'],
    );
    assert.match(problems.join(), /no record begins at byte/);
  });

  it('writes a list without records where all are good', async () => {
    const { list } = await checkData(at('good'), { workers, list: at('none.txt') });
    assert.match(readFileSync(list!, 'utf8'), /^# 0 of 10 records [^\n]*\n$/);
  });

  it('tells of a truncated file, and of every record behind its end', async () => {
    const root = damaged('short', () => undefined);
    truncateSync(path.join(root, 'train.rec'), offsets[4]! + 100);
    const { bad, problems } = await checkData(root, { workers });
    assert.deepEqual(
      bad.map(({ key }) => key),
      ['5', '6'],
    );
    assert.match(problems.join('\n'), /the file ends \d+ bytes later: the file is truncated/);
    assert.match(problems.join('\n'), /3 identity records are bad; the first is 7/);
  });

  it('tells of bytes that the index does not reach', async () => {
    const records = [0, 1, 2].map((key) => ({ key, label: key, image: jpeg(key) }));
    const root = await makeRaw(at('gap'), records, '3,112,112');
    assert.deepEqual((await checkData(root, { workers })).problems, []);
    const idx = path.join(root, 'train.idx');
    const lines = readFileSync(idx, 'utf8').split('\n');
    writeFileSync(idx, [lines[0], lines[2], ''].join('\n'));
    const { bad, problems } = await checkData(root, { workers });
    assert.deepEqual(bad, []);
    assert.match(
      problems.join(),
      new RegExp(`bytes, the first of them byte ${lines[1]!.split('\t')[1]}, belong to no record`),
    );
  });

  it('holds labels against property and sizes against it unless told otherwise', async () => {
    const records = [jpeg(1), jpeg(2, 96)].map((image, key) => ({ key, label: 4 * key, image }));
    const root = await makeRaw(at('labels'), records, '3,112,112');
    const { bad, problems } = await checkData(root, { workers });
    assert.deepEqual(
      bad.map(({ key }) => key),
      ['1'],
    );
    assert.match(bad[0]!.reason, /label is 4, but classes are 0 to 2/);
    assert.match(problems.join(), /more classes than property says/);
    writeFileSync(path.join(root, 'property'), '5,112,112');
    const sized = await checkData(root, { workers });
    assert.match(sized.bad[0]!.reason, /96 x 96 pixels/);
    assert.deepEqual((await checkData(root, { workers, anySize: true })).bad, []);
  });

  it('checks verification sets and folders of images too', async () => {
    await writeVerificationSet(at('v.bin'), { images: [jpeg(1), Buffer.from('x')], isSame: [true] });
    const pairs = await checkData(at('v.bin'));
    assert.deepEqual(
      [pairs.kind, pairs.checked, pairs.bad.map(({ key }) => key)],
      ['verification', 2, ['1']],
    );
    mkdirSync(at('files/a'), { recursive: true });
    writeFileSync(at('files/a/1.jpg'), jpeg(1, 30));
    writeFileSync(at('files/a/2.jpg'), jpeg(1, 30).subarray(0, 500));
    const files = await checkData(at('files'), { workers });
    assert.deepEqual([files.kind, files.checked], ['folder', 2]);
    assert.deepEqual(files.bad, [{ key: 'a/2.jpg', reason: 'the JPEG image is truncated or damaged.' }]);
  });

  it('says what is missing, and can be interrupted', async () => {
    await rejects(checkData(at('nowhere')), 'ERR_DATA_NOT_FOUND', /nothing at/);
    mkdirSync(at('empty'));
    await rejects(
      checkData(at('empty')),
      'ERR_DATA_NOT_FOUND',
      /neither a dataset .* nor a folder with images/,
    );
    await rejects(
      checkData(at('good'), { workers, signal: AbortSignal.abort() }),
      'ERR_CANCELLED',
      /interrupted/,
    );
  });
});
