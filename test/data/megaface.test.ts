import assert from 'node:assert/strict';
import path from 'node:path';

import { readMegafaceNoises, readMegafaceProbes, readMegafaceTemplates, shuffleDistractors } from '../../lib';
import { PHOTOS_OF_PROBES } from '../../scripts/dev/synthetic/megaface';
import { temporaryFolder, writeFile } from '../support/folder';

describe('the lists of MegaFace', () => {
  const folder = temporaryFolder();

  it('name probes and whose they are, as JSON or by their folders', async () => {
    const json = writeFile(
      folder,
      'facescrub_features_list.json',
      JSON.stringify({ id: ['A B', 'A B', 'C'], path: ['A_B/A_B_1.png', 'A_B/A_B_2.png', 'C/C_1.png'] }),
    );
    const probes = await readMegafaceProbes(json);
    assert.deepEqual(probes.persons, ['A B', 'C']);
    assert.deepEqual([...probes.people], [0, 0, 1]);
    assert.deepEqual(probes.names, ['A_B/A_B_1.png', 'A_B/A_B_2.png', 'C/C_1.png']);
    const text = writeFile(folder, 'facescrub_lst', 'A_B/A_B_1.png\r\nA_B/A_B_2.png\n\nC/C_1.png');
    assert.deepEqual(await readMegafaceProbes(text), { ...probes, persons: ['A_B', 'C'] });
  });

  it('say which distractors each size has, though none has those of another', async () => {
    const write = (size: number, paths: string[]): string =>
      writeFile(folder, `megaface_features_list.json_${size}_2`, JSON.stringify({ path: paths }));
    write(2, ['1/a@N00/x.jpg', '1/a@N00/y.jpg']);
    write(3, ['1/a@N00/y.jpg', '2/b@N01/z.jpg', '3/c@N01/w.jpg']);
    const found = await readMegafaceTemplates(folder, { sizes: [3, 2], set: 2 });
    assert.deepEqual(found.sizes, [2, 3]);
    assert.deepEqual(found.names, ['1/a@N00/x.jpg', '1/a@N00/y.jpg', '2/b@N01/z.jpg', '3/c@N01/w.jpg']);
    assert.deepEqual([...found.sets], [1, 3, 2, 2]);
    assert.deepEqual([...found.order].sort(), [0, 1, 2, 3]);
  });

  it('are refused where they are damaged', async () => {
    const refuses = (content: string, message: RegExp, name = 'bad.json') =>
      assert.rejects(readMegafaceProbes(writeFile(folder, name, content)), {
        code: 'ERR_DATA_CORRUPT',
        message,
      });
    await refuses('{"path": ["a/', /is not JSON: it is cut off/);
    await refuses('{"paths": []}', /expected \{"path": \[\.\.\.\]\}/);
    await refuses('null', /expected \{"path"/);
    await refuses('{"path": [1, 2]}', /expected \{"path"/);
    await refuses('{"path": ["a/1", "a/2"], "id": ["a"]}', /2 of them/);
    await refuses('{"path": ["a/1", "a/1"]}', /a\/1 occurs twice/);
    await refuses('{"path": ["../1", "a/1"]}', /\.\.\/1 leads out of the folder/);
    await refuses('a/1\nb/1\n', /2 photos of as many people/, 'lonely_lst');
    await refuses('\n', /has no lines/, 'empty_lst');
    await assert.rejects(readMegafaceProbes(path.join(folder, 'none.json')), { code: 'ERR_DATA_NOT_FOUND' });
    await assert.rejects(readMegafaceProbes(path.join(folder, 'none')), { code: 'ERR_DATA_NOT_FOUND' });
    writeFile(folder, 'megaface_features_list.json_5_2', '{"path": ["a"]}');
    await assert.rejects(readMegafaceTemplates(folder, { sizes: [5], set: 2 }), {
      code: 'ERR_DATA_CORRUPT',
      message: /has 1 distractors; by its name it has 5/,
    });
    await assert.rejects(readMegafaceTemplates(folder, { sizes: [7], set: 2 }), {
      code: 'ERR_DATA_NOT_FOUND',
    });
  });

  it('may be missing: then sets are the beginnings of one shuffled order', async () => {
    const names = Array.from({ length: 1500 }, (_, i) => `d/${i}`);
    const { sizes, sets, order } = await shuffleDistractors(names, { seed: 3 });
    assert.deepEqual(sizes, [10, 100, 1000, 1500]);
    for (const [s, size] of sizes.entries())
      assert.deepEqual(
        [...order.subarray(0, size)].sort((a, b) => a - b),
        [...sets.keys()].filter((row) => (sets[row]! >> s) & 1),
      );
    assert.deepEqual(
      await shuffleDistractors(names, { seed: 3 }),
      await shuffleDistractors(names, { seed: 3 }),
    );
    assert.notDeepEqual((await shuffleDistractors(names, { seed: 4 })).sets, sets);
    const refuses = (options: Parameters<typeof shuffleDistractors>[1], message: RegExp) =>
      assert.rejects(shuffleDistractors(names, options), { code: 'ERR_ARGUMENT', message });
    await refuses({ sizes: [1501] }, /There are 1500 distractors, but 1501 are asked for/);
    await refuses({ sizes: [0] }, /number of distractors but received 0/);
    await refuses({ sizes: [] }, /Expected 1 to 8 numbers/);
    await refuses({ sizes: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, /Expected 1 to 8 numbers/);
    await assert.rejects(shuffleDistractors(['a', 'a']), { code: 'ERR_DATA_CORRUPT' });
  });

  it('of noise name files of FaceScrub and paths of MegaFace', async () => {
    const noises = path.join(folder, 'noises');
    writeFile(noises, 'facescrub_noises.txt', '# 605 of them\nAdam_Brody_277.png\n\nB/B_1.png\n');
    writeFile(noises, 'megaface_noises.txt', '# some\n1/a@N00/x.jpg\n17\t2/b@N01/y.jpg\n1/a@N00/x.jpg\n');
    const { probes, distractors } = await readMegafaceNoises(noises);
    assert.deepEqual([...probes], ['Adam_Brody_277.png', 'B_1.png']);
    assert.deepEqual([...distractors], ['1/a@N00/x.jpg', '2/b@N01/y.jpg']);
    await assert.rejects(readMegafaceNoises(folder), { code: 'ERR_DATA_NOT_FOUND' });
  });

  it('are drawn with as many pairs as the probes of FaceScrub have', () => {
    const sum = (of: (count: number) => number): number =>
      PHOTOS_OF_PROBES.reduce((total, count) => total + of(count), 0);
    assert.equal(PHOTOS_OF_PROBES.length, 80);
    assert.equal(
      sum((count) => count),
      3530,
    );
    assert.equal(
      sum((count) => count * (count - 1)),
      153_634,
    );
  });
});
