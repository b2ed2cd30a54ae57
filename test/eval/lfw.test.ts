import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { writeNpy } from '../../lib';
import { readPairList, type PairList } from '../../lib/data/protocols/pair-list';
import { evaluateLfw, pairFiles } from '../../lib/eval/lfw';
import { NamedFeatures, readNamedFeatures } from '../../lib/eval/named-features';
import { Xoshiro128 } from '../../lib/random';
import { rejects, throws } from '../support/assert';
import { jpeg } from '../support/faces';
import { temporaryFolder, writeFile } from '../support/folder';

const D = 6;

/** People with some images each, alike within a person, by noise. */
function makeFeatures(people: number, images: number, noise: number, seed = 1): NamedFeatures {
  const random = Xoshiro128.fromSeed(seed);
  const names: string[] = [];
  const data: number[] = [];
  for (let p = 0; p < people; p++) {
    const centre = Array.from({ length: D }, () => random.uniform() - 0.5);
    for (let i = 1; i <= images; i++) {
      names.push(`P${p}/P${p}_${String(i).padStart(4, '0')}.jpg`);
      data.push(...centre.map((value) => 7 * (value + noise * (random.uniform() - 0.5))));
    }
  }
  return new NamedFeatures(Float32Array.from(data), D, names);
}

/** pairs.txt of so many folds, and so many pairs of each kind in a fold. */
function lfwText(folds: number, perFold: number, people: number, seed = 2): string {
  const random = Xoshiro128.fromSeed(seed);
  const lines = [folds === 1 ? `${perFold}` : `${folds}\t${perFold}`];
  for (let f = 0; f < folds; f++) {
    for (let i = 0; i < perFold; i++) lines.push(`P${random.below(people)}\t1\t${2 + random.below(3)}`);
    for (let i = 0; i < perFold; i++) {
      const a = random.below(people);
      const b = (a + 1 + random.below(people - 1)) % people;
      lines.push(`P${a}\t${1 + random.below(4)}\tP${b}\t${1 + random.below(4)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The protocol, as plainly as can be. */
function plainFolds(distances: readonly number[], isSame: readonly boolean[], folds: number) {
  const size = distances.length / folds;
  const right = (threshold: number, of: (i: number) => boolean): number =>
    distances.filter((d, i) => of(i) && d < threshold === isSame[i]).length;
  return Array.from({ length: folds }, (_, f) => {
    const isTest = (i: number): boolean => Math.floor(i / size) === f;
    let [best, most] = [0, -1];
    for (let t = 0; t < 400; t++) {
      const count = right(t * 0.01, (i) => !isTest(i));
      if (count > most) [best, most] = [t, count];
    }
    return right(best * 0.01, isTest) / size;
  });
}

function plainDistances(features: NamedFeatures, { pairs }: PairList): number[] {
  const unit = (name: string): number[] => {
    const row = features.names.indexOf(name);
    const raw = [...features.data.subarray(row * D, row * D + D)];
    return raw.map((value) => value / Math.hypot(...raw));
  };
  return pairs.map(({ a, b }) => {
    const [x, y] = [unit(a), unit(b)];
    return x.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0);
  });
}

describe('LFW', () => {
  const folder = temporaryFolder();
  const features = makeFeatures(12, 4, 1.2);
  const list = (text: string, name = 'pairs.txt'): Promise<PairList> =>
    readPairList(writeFile(folder, name, text));

  it('has the mean of the given folds, with the spread of insightface and the official standard error', async () => {
    // Eight folds of 14: ten contiguous ones would be cut elsewhere.
    const pairs = await list(lfwText(8, 7, 12));
    const { folds, single, scored, people, counts, protocol } = evaluateLfw(features, pairs);
    const distances = plainDistances(features, pairs);
    const expected = plainFolds(
      distances,
      pairs.pairs.map(({ isSame }) => isSame),
      8,
    );
    assert.deepEqual(folds!.foldAccuracies, expected);
    const mean = expected.reduce((sum, value) => sum + value, 0) / 8;
    const squares = expected.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    assert.ok(Math.abs(folds!.accuracy - mean) < 1e-12);
    assert.ok(Math.abs(folds!.std - Math.sqrt(squares / 8)) < 1e-12);
    assert.ok(Math.abs(folds!.standardError - Math.sqrt(squares / 7) / Math.sqrt(8)) < 1e-12);
    assert.ok(folds!.std > 0 && folds!.accuracy > 0.6 && folds!.accuracy < 1);
    assert.equal(single, undefined);
    for (const [i, distance] of distances.entries())
      assert.ok(Math.abs(scored.distances[i]! - distance) < 1e-12);
    for (const [i, { a, b, isSame }] of pairs.pairs.entries()) {
      assert.equal(people[scored.first[i]!], a.split('/')[0]);
      assert.equal(people[scored.second[i]!], b.split('/')[0]);
      assert.equal(scored.first[i] === scored.second[i], isSame);
    }
    assert.deepEqual([counts.pairs, counts.genuine, counts.people], [112, 56, people.length]);
    assert.match(protocol, /^LFW: the 8 folds of the list/);
  });

  it('chooses one threshold on the training pairs, or says that it flatters', async () => {
    const [train, test] = [
      await list(lfwText(1, 30, 12, 5), 'dev-train.txt'),
      await list(lfwText(1, 20, 12, 6), 'dev-test.txt'),
    ];
    const best = (pairs: PairList): number => {
      const distances = plainDistances(features, pairs);
      const right = (t: number): number =>
        distances.filter((d, i) => d < t * 0.01 === pairs.pairs[i]!.isSame).length;
      return Array.from({ length: 400 }, (_, t) => t).reduce((a, b) => (right(b) > right(a) ? b : a));
    };
    const accuracy = (threshold: number): number =>
      plainDistances(features, test).filter((d, i) => d < threshold * 0.01 === test.pairs[i]!.isSame).length /
      40;
    const both = evaluateLfw(features, test, train);
    assert.deepEqual(both.single, {
      accuracy: accuracy(best(train)),
      threshold: best(train) * 0.01,
      chosenOn: 'training pairs',
      chosenPairs: 60,
    });
    const lone = evaluateLfw(features, test);
    assert.equal(lone.single!.accuracy, accuracy(best(test)));
    assert.match(lone.protocol, /these pairs themselves, which flatters/);
    assert.equal(lone.folds, undefined);
    const folds = await list(lfwText(2, 10, 12));
    throws(() => evaluateLfw(features, folds, train), 'ERR_ARGUMENT', /has 2 folds.*--train-pairs/);
  });

  it('takes features of other endings, and counts those that are missing', async () => {
    const pairs = await list(lfwText(2, 10, 12));
    const expected = evaluateLfw(features, pairs).folds;
    const renamed = features.names.map((name) => name.replace('.jpg', '.png'));
    assert.deepEqual(evaluateLfw(new NamedFeatures(features.data, D, renamed), pairs).folds, expected);
    const fewer = new NamedFeatures(features.data.subarray(0, 8 * D), D, features.names.slice(0, 8));
    throws(() => evaluateLfw(fewer, pairs), 'ERR_DATA_NOT_FOUND', /no features of \d+ images .* P\d+\/P/);
    const broken = Float32Array.from(features.data);
    broken[4 * D + 1] = NaN;
    throws(
      () => evaluateLfw(new NamedFeatures(broken, D, features.names), pairs),
      'ERR_NOT_FINITE',
      /P1\/P1_0001\.jpg are not finite/,
    );
  });

  it('reads features with their index, and says where they do not fit', async () => {
    const [npy, mirrored, index] = ['f.npy', 'm.npy', 'i.txt'].map((name) => path.join(folder, name)) as [
      string,
      string,
      string,
    ];
    const data = Float32Array.from({ length: 6 }, (_, i) => i);
    await writeNpy(npy, { data, rows: 3, columns: 2 });
    await writeNpy(mirrored, { data: data.map((value) => 10 * value), rows: 3, columns: 2 });
    writeFileSync(index, 'a.jpg\nb.jpg\nx/b.jpg\n');
    const read = await readNamedFeatures({ features: npy, mirrored, index });
    assert.deepEqual([...read.data], [0, 11, 22, 33, 44, 55]);
    assert.deepEqual([read.rowOf('b.jpg'), read.rowOf('x/b.png'), read.rowOf('c.jpg')], [1, 2, undefined]);
    writeFileSync(index, 'a.jpg\nb.jpg\n');
    await rejects(readNamedFeatures({ features: npy, index }), 'ERR_SHAPE', /names 2 images, .* has 3 rows/);
    writeFileSync(index, 'a\nb\nc\n');
    await writeNpy(mirrored, { data, rows: 2, columns: 3 });
    await rejects(
      readNamedFeatures({ features: npy, mirrored, index }),
      'ERR_SHAPE',
      /has 2 x 3 numbers, but .* has 3 x 2/,
    );
  });

  it('counts images that are not there', async () => {
    const root = temporaryFolder();
    const pairs = await list('1\nA\t1\t2\nA\t1\tB\t1\n', 'few.txt');
    writeFile(root, 'A/A_0001.png', jpeg(1));
    await rejects(
      pairFiles(root, [pairs]),
      'ERR_DATA_NOT_FOUND',
      /2 of 3 images of the pairs are not in .*; the first is A\/A_0002\.jpg\. --root/,
    );
    writeFile(root, 'A/A_0002.jpg', jpeg(2));
    writeFile(root, 'B/B_0001.jpg', jpeg(3));
    assert.deepEqual(
      (await pairFiles(root, [pairs, pairs])).map(({ name, file }) => [name, path.relative(root, file)]),
      [
        ['A/A_0001.jpg', 'A/A_0001.png'],
        ['A/A_0002.jpg', 'A/A_0002.jpg'],
        ['B/B_0001.jpg', 'B/B_0001.jpg'],
      ],
    );
  });
});
