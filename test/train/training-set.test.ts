import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { resolveConfig, type Config } from '../../lib';
import { RunFolder } from '../../lib/run/run-folder';
import { openTrainingSet } from '../../lib/train/training-set';
import { rejects } from '../support/assert';
import { makeDataset } from '../support/faces';
import { temporaryFolder } from '../support/folder';

describe('the training set of a config', () => {
  const folder = temporaryFolder();
  const config = (data: Config['data']) =>
    resolveConfig({ name: 'set', output: path.join(folder, 'runs'), data });

  function images(name: string, ...identities: string[]): string {
    for (const identity of identities) {
      mkdirSync(path.join(folder, name, identity), { recursive: true });
      writeFileSync(path.join(folder, name, identity, '1.jpg'), identity);
    }
    return path.join(folder, name);
  }

  async function open(data: Config['data']) {
    const said: string[] = [];
    const set = await openTrainingSet(config(data), (text) => said.push(text));
    set.dataset.close();
    return { ...set, said: said.join('\n') };
  }

  it('is a folder of records or of images, a list, or several of them', async () => {
    const records = await makeDataset(path.join(folder, 'records'), [2, 1], (n) => Buffer.from(`r${n}`));
    const people = images('people', 'ann', 'bob');
    writeFileSync(path.join(folder, 'some.lst'), '0\t0\tpeople/ann/1.jpg\n');
    const one = await open({ root: people });
    assert.deepEqual(one.dataset.classNames, ['ann', 'bob']);
    assert.deepEqual([one.root, one.validationRoot], [people, people]);
    const list = await open({ root: path.join(folder, 'some.lst') });
    assert.deepEqual([list.dataset.length, list.root], [1, folder]);
    const mixed = await open({
      sources: [
        { root: records, weight: 0.5 },
        { root: people, identities: ['bob'] },
      ],
      validationRoot: people,
    });
    assert.deepEqual([...mixed.dataset.samplesPerClass], [2, 1, 1]);
    assert.deepEqual([mixed.root, mixed.validationRoot], [records, people]);
    writeFileSync(path.join(folder, 'bad.txt'), '1\n');
    assert.match(
      (await open({ root: records, skipList: path.join(folder, 'bad.txt') })).said,
      /1 images are left/,
    );
  });

  it('is missed with the option that names it', async () => {
    const nowhere = path.join(folder, 'nowhere');
    await rejects(
      open({ root: nowhere }),
      'ERR_DATA_NOT_FOUND',
      /nowhere does not exist[^]*data\.root=FOLDER/,
    );
    await rejects(
      open({ sources: [{ list: `${nowhere}.lst` }] }),
      'ERR_DATA_NOT_FOUND',
      /nowhere\.lst does not[^]*data\.sources=/,
    );
    writeFileSync(path.join(folder, 'a.txt'), '');
    await rejects(
      open({ root: path.join(folder, 'a.txt') }),
      'ERR_DATA_NOT_FOUND',
      /neither a folder nor a \.rec/,
    );
    await rejects(
      open({ root: images('three', 'a', 'b', 'c'), numClasses: 2 }),
      'ERR_CONFIG',
      /2 classes were expected.*3/,
    );
  });

  it('keeps the names of its classes with the run, and refuses to go on with others', async () => {
    const run = await RunFolder.create(config({ root: folder }));
    const file = run.path('classes.json');
    await run.keepClassNames(undefined);
    assert.ok(!existsSync(file));
    await run.keepClassNames(['ann', 'bob', null]);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), ['ann', 'bob', null]);
    await run.keepClassNames(['ann', 'bob', null]);
    await rejects(run.keepClassNames(['ann', 'abe', 'bob']), 'ERR_CONFIG', /class 1 was "bob" and is "abe"/);
    await rejects(
      run.keepClassNames(['ann', 'bob']),
      'ERR_CONFIG',
      /class 2 was null and is none \(3 classes then, 2 now/,
    );
    await rejects(run.keepClassNames(undefined), 'ERR_CONFIG', /class 0 was "ann" and is none/);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), ['ann', 'bob', null]);
    writeFileSync(file, '[');
    await rejects(run.keepClassNames(['ann']), 'ERR_CHECKPOINT', /classes\.json cannot be read/);
  });
});
