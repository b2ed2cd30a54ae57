import assert from 'node:assert/strict';
import path from 'node:path';
import { peopleOf, readPairList } from '../../lib/data/protocols/pair-list';
import { rejects } from '../support/assert';
import { temporaryFolder, writeFile } from '../support/folder';

describe('pair lists', () => {
  const folder = temporaryFolder();
  const write = (content: string, name = 'pairs.txt') => writeFile(folder, name, content);
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
