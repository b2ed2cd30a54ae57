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
    assert.deepEqual(await readPairList(write(`2\t1\n${fold}${fold}`)), {
      form: 'lfw',
      pairs: [a, b, a, b],
      folds: 2,
    });
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

  const faults: [string, string, RegExp][] = [
    [
      'words for flags',
      'a/1.jpg b/1.jpg 1\na/1.jpg a/2.jpg True\n',
      /line 2: .*column 3 is "True": .*as numbers/,
    ],
    ['flags with decimals', 'a/1.jpg,a/2.jpg,1.0\n', /column 3 is "1\.0": .*without decimals/],
    ['flags in quotes', 'a/1.jpg,a/2.jpg,"1"\n', /column 3 is "\\"1\\"": .*without quotes/],
    ['another number', 'a/1.jpg a/2.jpg 2\n', /column 3 is "2": expected 1 for the same person and 0/],
    [
      'the flag first',
      '1\ta/1.jpg\ta/2.jpg\n',
      /flag stands in column 1 \("1"\).*column 3 is "a\/2\.jpg": put the flag last/,
    ],
    [
      'a heading',
      '\ufeffpath1,path2,label\r\na/1.jpg,a/2.jpg,1\r\n',
      /line 1: .*a heading, "path1 path2 label": take it away/,
    ],
    ['semicolons', 'a/1.jpg;a/2.jpg;1\n', /separated by semicolons, "a\/1\.jpg;a\/2\.jpg;1"/],
    ['bars', 'a/1.jpg|a/2.jpg|1\n', /separated by bars/],
    [
      'no flag',
      'a/1.jpg a/2.jpg\nb/1.jpg b/2.jpg\n',
      /column 2 is "a\/2\.jpg": two paths in a line need a flag/,
    ],
    [
      'a line of two columns',
      'a/1.jpg a/2.jpg 1\na/1.jpg 1\n',
      /line 2: .*two columns, the second of them "1"/,
    ],
    ['numbered lines', '0,a/1.jpg,a/2.jpg,1\n', /4 columns, "0", "a\/1\.jpg".*take the first one away/],
    ['more behind the flag', 'a/1.jpg a/2.jpg 1 7\n', /take away what follows the flag, "7"/],
    ['spaces in paths', 'a b/1.jpg a b/2.jpg 1\n', /5 columns.*paths contain spaces/],
    ['an empty column', 'a/1.jpg,,1\n', /column 2 is empty/],
    ['comments', '# from the web\na/1.jpg a/2.jpg 1\n', /found a comment/],
    ['words for flags on two lines', 'a/1.jpg True\na/2.jpg True\n', /column 2 is "True"/],
    [
      'the flag first on two lines',
      '1 a/1.jpg\n1 a/2.jpg\n',
      /column 1 is "1" and column 2 "a\/1\.jpg": put the flag last/,
    ],
    [
      "LFW's form without its first line",
      'A\t1\t4\nB\t1\t2\nA\t1\tB\t2\nB\t1\tA\t1\n',
      /line 1: .*LFW's form without its first line\. Put that first: for these 4 pairs as one fold "2"\.$/,
    ],
    [
      "LFW's form with headings",
      'name,imagenum1,imagenum2\nA,1,4\nname1,imagenum1,name2,imagenum2\nA,1,B,2\n',
      /a heading, "name imagenum1 imagenum2".*LFW's form.*as one fold "1"/,
    ],
    [
      "LFW's form mixed",
      '2\nA\t1\t2\nA\t1\tB\t2\nB\t1\t2\nB\t1\tA\t1\n',
      /line 3: .*a pair of two people, "A 1 B 2"\. Pairs of both kinds are mixed/,
    ],
    [
      "LFW's form with the number of all pairs",
      '4\nA\t1\t2\nB\t1\t2\nA\t1\tB\t2\nB\t1\tA\t1\n',
      /8 lines, but 4 follow\. There are 2 of one person and 2 of two\. For one fold the first line is 2\.$/,
    ],
    [
      "LFW's form with a word",
      '1\nA\t1\tx2\nA\t1\tB\t2\n',
      /line 2: .*column 3 is "x2": expected the number of an image/,
    ],
  ];
  for (const [what, text, message] of faults)
    it(`show the column that is wrong, and name the likely form: ${what}`, async () => {
      await rejects(readPairList(write(text)), 'ERR_DATA_CORRUPT', message);
    });

  it('show both ends of a long column', async () => {
    const long = `${'x'.repeat(200)}/last.jpg`;
    await rejects(
      readPairList(write(`1 ${long} ${long}\n`)),
      'ERR_DATA_CORRUPT',
      /column 3 is "x{30}\.{3}x+\/last\.jpg"/,
    );
  });

  it('say what is missing', async () => {
    await rejects(readPairList(path.join(folder, 'none')), 'ERR_DATA_NOT_FOUND', /no list of pairs/);
    await rejects(readPairList(write('\n')), 'ERR_DATA_CORRUPT', /lists no pairs/);
  });
});
