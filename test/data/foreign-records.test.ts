import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { FaceDataset, type FaceDatasetOptions } from '../../lib/data/face-dataset';
import { labelCachePath } from '../../lib/data/layout/label-cache';
import { checkData } from '../../lib/prepare/check';
import { inspectData } from '../../lib/prepare/inspect';
import { splitDataset } from '../../lib/prepare/split';
import { unpackData } from '../../lib/prepare/unpack';
import { rejects } from '../support/assert';
import { anyBytes, jpeg, makeDataset, makeRaw, type RawRecord } from '../support/faces';
import { temporaryFolder } from '../support/folder';

// 13 runs of 4 classes, as face2rec2 writes them of a list that nobody sorted.
const SHUFFLED = [2, 0, 0, 1, 3, 2, 2, 1, 0, 3, 3, 1, 2, 0, 1, 3];

describe('record files as other tools write them', () => {
  const folder = temporaryFolder();
  let made = 0;
  const place = () => path.join(folder, String(made++));
  const said: string[] = [];
  const onMessage = (text: string) => said.push(text);
  beforeEach(() => (said.length = 0));

  /** Records as face2rec2 writes them: an identity record for each run of a label. */
  function face2rec2(labels: readonly number[], ranges = runs(labels), image = jpeg): RawRecord[] {
    const first = labels.length + 1;
    return [
      { key: 0, label: [first, first + ranges.length] },
      ...labels.map((label, i) => ({ key: i + 1, label: [label, 1], image: image(i) })),
      ...ranges.map((range, i) => ({ key: first + i, label: range })),
    ];
  }

  function runs(labels: readonly number[]): number[][] {
    const starts = labels.flatMap((label, i) => (label === labels[i - 1] ? [] : [i + 1]));
    return starts.map((start, i) => [start, starts[i + 1] ?? labels.length + 1]);
  }

  async function look(root: string, options: FaceDatasetOptions = {}) {
    const set = await FaceDataset.open(root, { ...options, onMessage });
    try {
      const own = Array.from({ length: set.length }, (_, i) => set.read(i).label);
      return { labels: [...set.labels], own, numClasses: set.numClasses, imageSize: set.imageSize };
    } finally {
      set.close();
    }
  }

  describe('of a list that was not sorted', () => {
    it('are read by the labels of their images, and that is said', async () => {
      const root = await makeRaw(place(), face2rec2(SHUFFLED), '4,112,112');
      const { labels, own, numClasses } = await look(root);
      assert.deepEqual(labels, SHUFFLED);
      assert.deepEqual(own, SHUFFLED);
      assert.equal(numClasses, 4);
      assert.equal(said.length, 1);
      assert.match(said[0]!, /train\.rec: .* not sorted by label \(13 identity records for 4 classes\)/);
      assert.ok(existsSync(labelCachePath(path.join(root, 'train.rec'))), 'they are scanned once');
      assert.deepEqual((await look(root)).labels, SHUFFLED);
      assert.equal(said.length, 2, 'and it is said each time');
    });

    it('are inspected, checked, unpacked and split', async () => {
      const root = await makeRaw(place(), face2rec2(SHUFFLED), '4,112,112');
      const report = await inspectData(root, { onMessage });
      assert.ok(report.kind === 'dataset');
      assert.deepEqual(report.imagesPerClass, { min: 4, median: 4, mean: 4, max: 4 });
      const checked = await checkData(root, { workers: 0, onMessage });
      assert.deepEqual([checked.bad, checked.problems], [[], []]);
      const unpacked = await unpackData(root, place(), { onMessage });
      assert.deepEqual([unpacked.images, unpacked.classes], [16, 4]);
      const split = await splitDataset(root, place(), { identities: 2, folds: 1, onMessage });
      assert.deepEqual([split.images, split.classes], [8, 2]);
      assert.equal(said.filter((text) => text.includes('not sorted')).length, 4);
    });

    it('are read where the identity records hold ranges that overlap', async () => {
      const span = (label: number) => [SHUFFLED.indexOf(label) + 1, SHUFFLED.lastIndexOf(label) + 2];
      const records = face2rec2(SHUFFLED, [0, 1, 2, 3].map(span));
      const { labels } = await look(await makeRaw(place(), records, '4,112,112'));
      assert.deepEqual(labels, SHUFFLED);
      assert.match(said[0]!, /4 identity records for 4 classes/);
    });

    it('say nothing where the list was sorted', async () => {
      await look(await makeDataset(place(), [2, 3]));
      assert.deepEqual(said, []);
    });

    it('are refused where a label is no class of property', async () => {
      const root = await makeRaw(place(), face2rec2(SHUFFLED), '3,112,112');
      await rejects(look(root), 'ERR_LABEL_RANGE', /record 5 has label 3, but property says 3 classes/);
    });
  });

  describe('without property', () => {
    it('have the classes of their labels and the size of their first image, which is said', async () => {
      const records = SHUFFLED.map((label, i) => ({ key: i, label, image: jpeg(i, 96) }));
      for (const root of [
        await makeRaw(place(), records, null),
        await makeRaw(
          place(),
          face2rec2(SHUFFLED, undefined, (i) => jpeg(i, 96)),
          null,
        ),
      ]) {
        said.length = 0;
        const { numClasses, imageSize, labels } = await look(root);
        assert.deepEqual([numClasses, imageSize, labels], [4, [96, 96], SHUFFLED]);
        assert.match(
          said.at(-1)!,
          /no file "property" .*: classes 4, as its labels go; .* 96 x 96, as the first image/,
        );
      }
    });

    it('are checked and unpacked', async () => {
      const root = await makeDataset(place(), [2, 3], (i) => jpeg(i, 64));
      rmSync(path.join(root, 'property'));
      const { bad, problems } = await checkData(root, { workers: 0, onMessage });
      assert.deepEqual([bad, problems], [[], []]);
      assert.equal((await unpackData(root, place(), { onMessage })).classes, 2);
    });

    it('follow the number that was given, and pass over damaged images to find a size', async () => {
      const records = [0, 1, 2].map((label, i) => ({
        key: i,
        label,
        image: i < 2 ? anyBytes(i) : jpeg(i, 48),
      }));
      const root = await makeRaw(place(), records, null);
      assert.deepEqual((await look(root, { numClasses: 3 })).imageSize, [48, 48]);
      assert.match(said[0]!, /classes 3, as was given/);
      await rejects(look(root, { numClasses: 2 }), 'ERR_LABEL_RANGE', /the number of classes that was given/);
    });

    it('are refused where labels have gaps, with the way to number them anew', async () => {
      const records = [1, 2, 4].map((label, i) => ({ key: i, label, image: jpeg(i) }));
      const root = await makeRaw(place(), records, null);
      await rejects(
        look(root),
        'ERR_LABEL_RANGE',
        /2 of 5 classes have no image.*kappa data unpack.*--relabel/,
      );
      const unpacked = place();
      await unpackData(root, unpacked);
      const { packDataset } = await import('../../lib/prepare/pack');
      const packed = place();
      await packDataset(path.join(unpacked, 'train.lst'), packed, { relabel: true, workers: 0 });
      assert.deepEqual((await look(packed)).labels, [0, 1, 2]);
    });
  });
});
