import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { formatReport, inspectCommand } from '../../lib/cli/data/inspect';
import { inspectData } from '../../lib/prepare/inspect';
import { writeSheet } from '../../lib/report/pictures/contact-sheet';
import { writeVerificationSet } from '../../lib/data/protocols/verification-set';
import { FaceDataset } from '../../lib/data/face-dataset';
import { rejects } from '../support/assert';
import { jpeg, makeDataset, makeRaw } from '../support/faces';
import { temporaryFolder } from '../support/folder';

describe('data inspect', () => {
  const folder = temporaryFolder();

  it('says what a dataset holds', async () => {
    const root = await makeDataset(path.join(folder, 'faces'), [1, 4, 2, 9]);
    const report = await inspectData(root, { scan: true });
    assert.deepEqual(report, {
      kind: 'dataset',
      path: root,
      layout: 'face2rec2',
      images: 16,
      classes: 4,
      imageSize: [112, 112],
      labels: { min: 0, max: 3 },
      imagesPerClass: { min: 1, median: 3, mean: 4, max: 9 },
      emptyClasses: 0,
      singletons: 1,
      histogram: [
        { from: 1, to: 1, classes: 1, images: 1 },
        { from: 2, to: 3, classes: 1, images: 2 },
        { from: 4, to: 7, classes: 1, images: 4 },
        { from: 8, to: 15, classes: 1, images: 9 },
      ],
      survey: { images: 16, formats: { jpeg: 16 }, sizes: { '112x112': 16 } },
      corrupt: [],
      numCorrupt: 0,
    });
    const text = formatReport(report);
    assert.match(text, /^layout +face2rec2$/m);
    assert.match(text, /^classes +4 \(labels 0 to 3\)$/m);
    assert.match(text, /^images per class +min 1, median 3, mean 4\.0, max 9$/m);
    assert.match(text, /^damaged images +0$/m);
    assert.match(text, /^ {2}8-15 images +1 classes {2}█{40}$/m);
  });

  it('takes a record file, a list or folders of images as well, and tells of an index that it had to make', async () => {
    const root = await makeDataset(path.join(folder, 'files'), [2, 3]);
    const whole = await inspectData(root);
    const said: string[] = [];
    rmSync(path.join(root, 'train.idx'));
    const rec = path.join(root, 'train.rec');
    const onMessage = (text: string) => said.push(text);
    assert.deepEqual(await inspectData(rec, { onMessage }), { ...whole, path: rec });
    assert.match(said.join('\n'), /train\.idx is missing/);

    const photos = path.join(folder, 'photos');
    for (const name of ['a', 'b']) mkdirSync(path.join(photos, name), { recursive: true });
    for (const name of ['a/1.jpg', 'b/1.jpg', 'b/2.jpg']) writeFileSync(path.join(photos, name), jpeg(1));
    const list = path.join(photos, 'all.lst');
    writeFileSync(list, '0\t0\ta/1.jpg\n1\t1\tb/1.jpg\n2\t1\tb/2.jpg\n');
    for (const place of [photos, list]) {
      const report = await inspectData(place, { scan: true });
      assert.equal(report.kind, 'dataset');
      assert.deepEqual([report.images, report.numCorrupt], [3, 0]);
      const sheet = path.join(folder, 'sheet.png');
      await writeSheet(sheet, place, { rows: 2, columns: 2 });
      assert.equal((await sharp(sheet).metadata()).format, 'png');
    }
  });

  it('says what a verification set holds', async () => {
    const file = path.join(folder, 'pairs.bin');
    await writeVerificationSet(file, {
      images: [jpeg(1), jpeg(2), jpeg(3, 96), Buffer.from('x')],
      isSame: [true, false],
    });
    const report = await inspectData(file, { scan: true });
    assert.equal(report.kind, 'verification');
    const { pairs, same, different, survey, numCorrupt, corrupt } = report as Extract<
      typeof report,
      { kind: 'verification' }
    >;
    assert.deepEqual(
      { pairs, same, different, numCorrupt },
      { pairs: 2, same: 1, different: 1, numCorrupt: 1 },
    );
    assert.deepEqual(survey.formats, { jpeg: 3, unreadable: 1 });
    assert.deepEqual(survey.sizes, { '112x112': 2, '96x96': 1 });
    assert.equal(corrupt?.[0]?.index, 3);
    assert.match(formatReport(report), /pairs +2 \(1 same, 1 different\)/);
  });

  it('lists damaged images only when it is told to look at all of them', async () => {
    const root = await makeDataset(path.join(folder, 'damaged'), [3, 3]);
    const set = await FaceDataset.open(root);
    const rec = path.join(root, 'train.rec');
    const bytes = readFileSync(rec);
    bytes.fill(0, set.table.offsets[4]! + 700, set.table.offsets[5]!);
    set.close();
    writeFileSync(rec, bytes);
    assert.equal((await inspectData(root)).numCorrupt, undefined);
    const report = await inspectData(root, { scan: true });
    assert.deepEqual(
      report.corrupt?.map(({ index }) => index),
      [4],
    );
    assert.match(formatReport(report), /damaged images +1\n.*image 4: the JPEG image is truncated/);
  });

  it('shows classes without images instead of refusing the dataset', async () => {
    const records = [0, 2].map((label, key) => ({ key, label, image: jpeg(label) }));
    const report = await inspectData(await makeRaw(path.join(folder, 'gaps'), records, '3,112,112'));
    assert.equal(report.kind === 'dataset' && report.emptyClasses, 1);
    assert.match(formatReport(report), /empty classes +1/);
  });

  it('names what is not there', async () => {
    await rejects(inspectData(path.join(folder, 'none')), 'ERR_DATA_NOT_FOUND', /nothing at .*none/);
    const empty = path.join(folder, 'empty');
    mkdirSync(empty);
    await rejects(inspectData(empty), 'ERR_DATA_NOT_FOUND', /train\.rec/);
  });

  it('prints one JSON value, or text', async () => {
    const file = path.join(folder, 'one.bin');
    await writeVerificationSet(file, { images: [jpeg(1), jpeg(2)], isSame: [true] });
    const written: string[] = [];
    const write = process.stdout.write;
    const printed = async (json: boolean) => {
      written.length = 0;
      process.stdout.write = ((text: string) => written.push(text) > 0) as typeof write;
      try {
        await inspectCommand(file, { json });
      } finally {
        process.stdout.write = write;
      }
      return written.join('');
    };
    assert.deepEqual(JSON.parse(await printed(true)), await inspectData(file));
    assert.match(await printed(false), /^verification set /);
  });
});
