import assert from 'node:assert/strict';

import { readGroupList } from '../../lib/data/protocols/group-list';
import { evaluateGroups, type GroupedPairs } from '../../lib/eval/groups/evaluate';
import { pairsOfList, pairsOfSets } from '../../lib/eval/groups/pairs';
import { NamedFeatures } from '../../lib/eval/named-features';
import { Xoshiro128 } from '../../lib/random';
import { rejects, throws } from '../support/assert';
import { temporaryFolder, writeFile } from '../support/folder';

/** Pairs by hand: [first group, second group, same, distance]. */
function pairsOf(rows: readonly [number, number, 0 | 1, number][], groups = ['a', 'b']): GroupedPairs {
  const column = (i: 0 | 1): Int32Array => Int32Array.from(rows, (row) => row[i]);
  return {
    groups,
    distances: Float64Array.from(rows, (row) => row[3]),
    isSame: Uint8Array.from(rows, (row) => row[2]),
    first: new Int32Array(rows.length).fill(-1),
    second: new Int32Array(rows.length).fill(-1),
    firstGroup: column(0),
    secondGroup: column(1),
  };
}

describe('groups', () => {
  const folder = temporaryFolder();

  it('are held against one threshold, counted by hand', () => {
    const { thresholds, groups } = evaluateGroups(
      pairsOf([
        [0, 0, 1, 0.5],
        [0, 0, 1, 1.2],
        [0, 0, 0, 1.4],
        [0, 0, 0, 1.9],
        [1, 1, 1, 0.6],
        [1, 1, 0, 1.0],
        [1, 1, 0, 1.1],
        [1, 1, 0, 1.8],
        [0, 1, 0, 1.05],
        [1, 0, 0, 2.0],
      ]),
    );
    // The best of all: below 1.0 (0.51 to 1.0) two genuine pairs are accepted, and no impostor: 9 of 10.
    const best = thresholds.find(({ chosenBy }) => chosenBy === 'best accuracy')!;
    assert.equal(best.threshold, 0.61);
    assert.deepEqual(best.groups, [
      { fmr: 0, fnmr: 0.5, impostor: 2, genuine: 2 },
      { fmr: 0, fnmr: 0, impostor: 3, genuine: 1 },
    ]);
    assert.deepEqual([best.fmrRatio, best.fnmrRatio], [undefined, undefined]);
    // Seven impostor pairs cannot show a rate of 1e-3: none is accepted.
    const strict = thresholds[0]!;
    assert.deepEqual([strict.chosenBy, strict.threshold, strict.isUnseen], ['fmr=1e-3', 1.0, true]);
    assert.deepEqual(strict.overall, { fmr: 0, fnmr: 1 - 2 / 3, impostor: 7, genuine: 3 });
    assert.deepEqual(strict.between, [{ first: 0, second: 1, fmr: 0, impostor: 2 }]);
    assert.deepEqual(
      groups.map(({ name, pairs, genuine, verification }) => [name, pairs, genuine, verification]),
      [
        ['a', 4, 2, undefined],
        ['b', 4, 1, undefined],
      ],
    );
  });

  it('have the rates that plain counting gives, at an FMR that can be seen', () => {
    const random = Xoshiro128.fromSeed(7);
    const rows = Array.from({ length: 6000 }, (_, i): [number, number, 0 | 1, number] => {
      const isSame = i % 3 === 0 ? 1 : 0;
      const first = random.below(3);
      const second = isSame === 1 || random.below(2) === 0 ? first : random.below(3);
      return [first, second, isSame, (isSame ? 0.2 : 0.9 - 0.1 * first) + 1.4 * random.uniform()];
    });
    const { thresholds, groups } = evaluateGroups(pairsOf(rows, ['x', 'y', 'z']));
    const { threshold, overall, groups: own, between, fmrRatio, isUnseen } = thresholds[0]!;
    assert.equal(isUnseen, false);
    const rate = (of: (row: (typeof rows)[number]) => boolean): number => {
      const some = rows.filter(of);
      return some.filter((row) => row[3] < threshold).length / some.length;
    };
    const impostors = rows.filter((row) => row[2] === 0).length;
    // As near to the wanted rate as so many pairs allow, and not above it.
    assert.equal(overall.fmr, Math.floor(impostors * 1e-3) / impostors);
    for (const [g, { fmr, fnmr }] of own.entries()) {
      assert.equal(
        fmr,
        rate((row) => row[2] === 0 && row[0] === g && row[1] === g),
      );
      assert.equal(fnmr, 1 - rate((row) => row[2] === 1 && row[0] === g));
    }
    const rates = own.map(({ fmr }) => fmr!);
    assert.equal(fmrRatio, Math.min(...rates) === 0 ? undefined : Math.max(...rates) / Math.min(...rates));
    assert.equal(between.length, 3);
    for (const { first, second, fmr } of between)
      assert.equal(
        fmr,
        rate(
          (row) => row[0] !== row[1] && [first, second].includes(row[0]) && [first, second].includes(row[1]),
        ),
      );
    assert.ok(groups.every(({ verification }) => verification!.accuracy > 0.6));
  });

  it('come from sets of one group each', () => {
    const sets = ['African', 'Asian'].map((name, g) => ({
      name,
      distances: Float64Array.from([0.5 + g, 1.5]),
      isSame: [true, false],
    }));
    const { groups, distances, firstGroup, secondGroup, isSame } = pairsOfSets(sets);
    assert.deepEqual(groups, ['African', 'Asian']);
    assert.deepEqual([...distances], [0.5, 1.5, 1.5, 1.5]);
    assert.deepEqual([...firstGroup], [0, 0, 1, 1]);
    assert.deepEqual(secondGroup, firstGroup);
    assert.deepEqual([...isSame], [1, 0, 1, 0]);
    throws(() => pairsOfSets([sets[0]!, sets[0]!]), 'ERR_ARGUMENT', /Two sets are called African/);
    throws(() => evaluateGroups(pairsOfSets([sets[0]!])), 'ERR_ARGUMENT', /two groups .* received 1/);
    throws(
      () => evaluateGroups(pairsOf([[0, 1, 0, 1]])),
      'ERR_ARGUMENT',
      /pairs of one person and of two but received 0 and 1/,
    );
  });

  it('come from a list of pairs and the groups of images or people', async () => {
    const file = writeFile(folder, 'groups.txt', '# who\nAnn\told\nBo\tyoung\nBo/2.jpg\told\n');
    const groups = await readGroupList(file);
    assert.deepEqual(
      ['Ann/1.jpg', 'Bo/1.jpg', 'Bo/2.jpg', 'Cy/1.jpg'].map((image) => groups.groupOf(image)),
      ['old', 'young', 'old', undefined],
    );
    const names = ['Ann/1.jpg', 'Ann/2.jpg', 'Bo/1.jpg', 'Bo/2.jpg'];
    const features = new NamedFeatures(Float32Array.from([1, 0, 1, 0, 0, 1, 0, 1]), 2, names);
    const list = {
      form: 'columns' as const,
      pairs: [
        { a: 'Ann/1.jpg', b: 'Ann/2.jpg', isSame: true },
        { a: 'Bo/1.jpg', b: 'Bo/2.jpg', isSame: true },
        { a: 'Ann/1.jpg', b: 'Bo/1.jpg', isSame: false },
      ],
    };
    const pairs = pairsOfList(features, list, groups);
    assert.deepEqual(pairs.groups, ['old', 'young']);
    assert.deepEqual([...pairs.firstGroup], [0, 1, 0]);
    assert.deepEqual([...pairs.secondGroup], [0, 0, 1]);
    assert.deepEqual([...pairs.distances], [0, 0, 2]);
    const lost = { ...list, pairs: [...list.pairs, { a: 'Cy/1.jpg', b: 'Ann/1.jpg', isSame: false }] };
    throws(() => pairsOfList(features, lost, groups), 'ERR_DATA_NOT_FOUND', /1 of 5 images .* Cy\/1\.jpg/);
  });

  it('say what is wrong with their list', async () => {
    const read = (text: string) => readGroupList(writeFile(folder, 'bad.txt', text));
    await rejects(read('a b\nc\n'), 'ERR_DATA_CORRUPT', /line 2: expected "path group", but found "c"/);
    await rejects(read('a b\na c\n'), 'ERR_DATA_CORRUPT', /line 2: a belongs to b already, and now to c/);
    await rejects(read('# nothing\n'), 'ERR_DATA_CORRUPT', /has no groups/);
    await rejects(readGroupList(`${folder}/none.txt`), 'ERR_DATA_NOT_FOUND');
  });
});
