import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FaceDataset } from '../../lib/data/face-dataset';
import { splitDataset } from '../../lib/prepare/split';
import { readVerificationSet } from '../../lib/data/protocols/verification-set';
import { rejects } from '../support/assert';
import { jpeg, makeDataset } from '../support/faces';
import { temporaryFolder } from '../support/folder';

describe('splitting', () => {
  const folder = temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  const counts = [3, 1, 4, 2, 5, 3, 1, 6, 2, 4, 3, 3];
  const names = counts.map((_, label) => `person ${label}`);
  const options = { identities: 6, pairs: 24, folds: 2, seed: 4 };
  /** Which class of the source an encoded image is of; image i is jpeg(i). */
  const classOf = new Map<string, number>();
  let image = 0;
  counts.forEach((count, label) => {
    for (let i = 0; i < count; i++) classOf.set(jpeg(image++).toString('latin1'), label);
  });
  const sourceOf = (bytes: Buffer) => classOf.get(bytes.toString('latin1'))!;

  before(async () => {
    await makeDataset(at('source'), counts);
    writeFileSync(at('source/classes.json'), JSON.stringify(names));
  });

  it('gives each person to one of the two sets, bytes untouched and names kept', async () => {
    const result = await splitDataset(at('source'), at('split'), options);
    const dataset = await FaceDataset.open(at('split'));
    const set = await readVerificationSet(at('split/heldout.bin'));
    const kept = JSON.parse(readFileSync(at('split/classes.json'), 'utf8')) as string[];
    const { heldOut, ...facts } = JSON.parse(readFileSync(at('split/split.json'), 'utf8')) as {
      heldOut: string[];
    };
    assert.deepEqual(facts, { seed: 4, pairs: 24, folds: 2, foldsDisjoint: true });
    assert.deepEqual([...kept, ...heldOut].sort(), [...names].sort());
    assert.deepEqual([result.classes, result.heldOutClasses, result.images], [6, 6, dataset.length]);
    for (let i = 0; i < dataset.length; i++) {
      const sample = dataset.read(i);
      assert.equal(names[sourceOf(sample.image)], kept[sample.label]);
    }
    dataset.close();
    set.isSame.forEach((isSame, pair) => {
      const [a, b] = [sourceOf(set.images[2 * pair]!), sourceOf(set.images[2 * pair + 1]!)];
      assert.equal(a === b, isSame);
      for (const label of [a, b]) assert.ok(heldOut.includes(names[label]!), names[label]);
    });
    assert.equal(set.isSame.filter(Boolean).length, 12);
    assert.ok(heldOut.every((name) => counts[names.indexOf(name)]! >= 2));
  });

  it('is the same for the same seed', async () => {
    await splitDataset(at('source'), at('again'), options);
    for (const file of ['train.rec', 'train.idx', 'property', 'heldout.bin', 'split.json', 'classes.json'])
      assert.ok(readFileSync(at(`again/${file}`)).equals(readFileSync(at(`split/${file}`))), file);
    await splitDataset(at('source'), at('other'), { ...options, seed: 5, name: 'own' });
    assert.ok(!readFileSync(at('other/own.bin')).equals(readFileSync(at('split/heldout.bin'))));
  });

  it('refuses what cannot be, and writes nothing then', async () => {
    await rejects(
      splitDataset(at('source'), at('x'), { identities: 11 }),
      'ERR_ARGUMENT',
      /from 2 to 10, the number of classes with two images/,
    );
    await rejects(
      splitDataset(at('source'), at('x'), { identities: 2, pairs: 200 }),
      'ERR_ARGUMENT',
      /at most \d+ pairs/,
    );
    await rejects(splitDataset(at('source'), at('x'), { name: '../up' }), 'ERR_ARGUMENT', /for name/);
    await rejects(splitDataset(at('source'), at('source'), options), 'ERR_ARGUMENT', /another folder/);
    await rejects(splitDataset(at('source'), at('split'), options), 'ERR_ARGUMENT', /already.*--overwrite/);
    await rejects(
      splitDataset(at('source'), at('y'), { ...options, signal: AbortSignal.abort() }),
      'ERR_CANCELLED',
      /interrupted/,
    );
    assert.ok(!existsSync(at('x')) && !existsSync(at('y/train.rec')));
  });
});
