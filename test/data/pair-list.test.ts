import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { peopleOf, readPairList } from '../../lib/data/protocols/pair-list';
import { drawPairs } from '../../lib/prepare/draw-pairs';
import { KappaError } from '../../lib/errors';
import { rejects, temporaryFolder } from './support';

describe('pair lists', () => {
  const folder = temporaryFolder();
  const write = (content: string, name = 'pairs.txt') => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  const a = { a: 'Ann_Lee/Ann_Lee_0001.jpg', b: 'Ann_Lee/Ann_Lee_0004.jpg', isSame: true };
  const b = { a: 'Ann_Lee/Ann_Lee_0002.jpg', b: 'Bo_Yi/Bo_Yi_0012.jpg', isSame: false };

  it('of LFW go through the folds, in each first the pairs of one person', async () => {
    const fold = 'Ann_Lee\t1\t4\nAnn_Lee\t2\tBo_Yi\t12\n';
    assert.deepEqual(await readPairList(write(`2\t1\n${fold}${fold}`)), { form: 'lfw', pairs: [a, b, a, b] });
    // pairsDevTest.txt announces one number.
    assert.deepEqual((await readPairList(write(`1\n${fold}`))).pairs, [a, b]);
  });

  it('of LFW must have the announced number and kind of lines', async () => {
    await rejects(
      readPairList(write('2\t1\nA\t1\t2\nA\t1\tB\t1\n')),
      'ERR_DATA_CORRUPT',
      /2 folds of 1 .* 4 lines, but 2 follow/,
    );
    await rejects(
      readPairList(write('1\t1\nA\t1\tB\t1\nA\t1\t2\n')),
      'ERR_DATA_CORRUPT',
      /line 2: expected "name i j"/,
    );
    await rejects(
      readPairList(write('1\t1\nA\t1\t2\nA\t1\t2\n')),
      'ERR_DATA_CORRUPT',
      /line 3: expected "name1 i name2 j"/,
    );
    await rejects(readPairList(write('1\t1\nA\t1\tx\nA\t1\tB\t2\n')), 'ERR_DATA_CORRUPT', /line 2/);
  });

  it('of two paths and a flag are read with tabs, commas or spaces', async () => {
    const pairs = [
      { a: 'x/1.jpg', b: 'y/1.jpg', isSame: false },
      { a: 'x/1.jpg', b: 'x/2.jpg', isSame: true },
      { a: 'x/1.jpg', b: 'z/2.jpg', isSame: false },
    ];
    for (const separator of ['\t', ',', ' ', ', ']) {
      const text = pairs.map(({ a, b, isSame }, i) => [a, b, isSame ? 1 : i === 2 ? -1 : 0].join(separator));
      assert.deepEqual(await readPairList(write(`${text.join('\n')}\n`)), { form: 'columns', pairs });
    }
    assert.deepEqual(peopleOf(pairs), ['x', 'y', 'z']);
    await rejects(
      readPairList(write('a b 1\na b 2\n')),
      'ERR_DATA_CORRUPT',
      /line 2: expected "path1 path2 1"/,
    );
    await rejects(readPairList(write('a b 1\na b\n')), 'ERR_DATA_CORRUPT', /line 2/);
  });

  it('of CALFW and CPLFW take two lines with the same flag', async () => {
    const pairs = [
      { a: 'A_1.jpg', b: 'A_2.jpg', isSame: true },
      { a: 'A_1.jpg', b: 'B_2.jpg', isSame: false },
    ];
    const file = write('A_1.jpg 1\nA_2.jpg 1\nA_1.jpg 0\nB_2.jpg 0\n');
    assert.deepEqual(await readPairList(file), { form: 'flagged', pairs });
    await rejects(
      readPairList(write('A 1\nB 0\n')),
      'ERR_DATA_CORRUPT',
      /lines 1 and 2: .*different flags, 1 and 0/,
    );
    await rejects(
      readPairList(write('A 1\nB 1\nC 1\n')),
      'ERR_DATA_CORRUPT',
      /3 lines, but each pair needs two/,
    );
  });

  it('of CFP go through ten splits, frontal against profile or frontal', async () => {
    write(
      '1 ../Data/Images/001/frontal/01.jpg\n2 ../Data/Images/002/frontal/01.jpg\n',
      'Protocol/Pair_list_F.txt',
    );
    write('1 ../Data/Images/001/profile/01.jpg\n', 'Protocol/Pair_list_P.txt');
    for (let fold = 1; fold <= 10; fold++)
      for (const kind of ['FP', 'FF']) {
        const split = `Protocol/Split/${kind}/${String(fold).padStart(2, '0')}`;
        write('1,1\n', `${split}/same.txt`);
        write(kind === 'FP' ? '2,1\n' : '1,2\r\n', `${split}/diff.txt`);
      }
    const protocol = path.join(folder, 'Protocol');
    const fp = await readPairList(protocol);
    assert.deepEqual([fp.form, fp.pairs.length], ['cfp', 20]);
    assert.deepEqual(fp.pairs.slice(0, 2), [
      { a: 'Data/Images/001/frontal/01.jpg', b: 'Data/Images/001/profile/01.jpg', isSame: true },
      { a: 'Data/Images/002/frontal/01.jpg', b: 'Data/Images/001/profile/01.jpg', isSame: false },
    ]);
    const ff = await readPairList(protocol, { protocol: 'ff' });
    assert.equal(ff.pairs[1]!.b, 'Data/Images/002/frontal/01.jpg');
    write('1,9\n', 'Protocol/Split/FP/03/diff.txt');
    await rejects(readPairList(protocol), 'ERR_DATA_CORRUPT', /03.diff\.txt, line 1: expected "i,j"/);
  });

  it('say what is missing', async () => {
    await rejects(readPairList(path.join(folder, 'none')), 'ERR_DATA_NOT_FOUND', /no list of pairs/);
    await rejects(readPairList(write('\n')), 'ERR_DATA_CORRUPT', /lists no pairs/);
  });
});

describe('drawn pairs', () => {
  /** People with so many images each; image numbers tell the person. */
  const makePeople = (...counts: number[]) =>
    counts.map((count, person) => Array.from({ length: count }, (_, image) => 1000 * person + image));
  const personOf = (image: number) => Math.floor(image / 1000);
  const many = makePeople(...Array.from({ length: 60 }, (_, i) => 2 + (i % 9)));

  it('are half of one person and half of two in each fold, none twice, no person in two folds', () => {
    const { pairs, foldsDisjoint } = drawPairs(many, { pairs: 400, seed: 3 });
    assert.equal(pairs.length, 400);
    assert.ok(foldsDisjoint);
    const seen = new Set<string>();
    const foldOf = new Map<number, number>();
    pairs.forEach(({ a, b, isSame }, i) => {
      const fold = Math.floor(i / 40);
      assert.equal(isSame, i % 40 < 20, `pair ${i}`);
      assert.equal(personOf(a) === personOf(b), isSame);
      assert.notEqual(a, b);
      const key = [a, b].sort((x, y) => x - y).join(' ');
      assert.ok(!seen.has(key), `pair ${key} twice`);
      seen.add(key);
      for (const person of [personOf(a), personOf(b)]) {
        assert.equal(foldOf.get(person) ?? fold, fold, `person ${person}`);
        foldOf.set(person, fold);
      }
    });
  });

  it('depend on the seed alone', () => {
    const draw = (seed: number) => drawPairs(many, { pairs: 200, seed });
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
  });

  it('do not favour people with many images', () => {
    // One with 200 images among 19 with 3: by images it would take 99.7% of the pairs.
    const { pairs } = drawPairs(makePeople(200, ...new Array<number>(19).fill(3)), {
      pairs: 40,
      folds: 1,
      seed: 5,
    });
    const large = pairs.filter(({ isSame, a }) => isSame && personOf(a) === 0).length;
    assert.ok(large <= 6, `${large} of 20`);
  });

  it('can be all pairs that there are', () => {
    const { pairs } = drawPairs(makePeople(3, 1, 1), { pairs: 6, folds: 1, seed: 1 });
    const same = pairs.slice(0, 3).map(({ a, b }) => `${a} ${b}`);
    assert.deepEqual(same.sort(), ['0 1', '0 2', '1 2']);
    const all = drawPairs(makePeople(4, 3), { pairs: 18, folds: 1, seed: 1 }).pairs;
    assert.equal(new Set(all.filter(({ isSame }) => !isSame).map(({ a, b }) => `${a} ${b}`)).size, 9);
  });

  it('share people between folds only where there are too few, and say so', () => {
    assert.equal(drawPairs(makePeople(30, 30, 30), { pairs: 200, seed: 1 }).foldsDisjoint, false);
  });

  it('are by default as many as separate folds give', () => {
    const { pairs, foldsDisjoint } = drawPairs(makePeople(...new Array<number>(40).fill(3)), { seed: 1 });
    // Four people with three images a fold: 12 pairs of one person.
    assert.deepEqual([pairs.length, foldsDisjoint], [240, true]);
  });

  it('are refused where the people do not give so many', () => {
    const refused = (people: number[][], pairs: number, text: RegExp) =>
      assert.throws(
        () => drawPairs(people, { pairs, seed: 1 }),
        (error: unknown) =>
          error instanceof KappaError && error.code === 'ERR_ARGUMENT' && text.test(error.message),
      );
    refused(makePeople(3, 3), 20, /at most 12 pairs, which is what 2 people give/);
    refused(many, 30, /a multiple of 20/);
    refused(makePeople(5), 20, /at most 0 pairs/);
  });
});
