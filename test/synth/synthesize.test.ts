import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  ensureSynthSet,
  planSynthSet,
  resolveSynthOptions,
  synthesize,
  writeContactSheet,
  type SynthIdentities,
} from '../../lib/synth';
import { readVerificationSet } from '../../lib/data/protocols/verification-set';
import { temporaryFolder } from '../support/folder';

const TINY = { seed: 4, identities: 6, maxImages: 4, singletons: 0.2, verificationIdentities: 3, pairs: 20 };
const FILES = ['identities.json', 'property', 'synth.bin', 'train.idx', 'train.rec'];

describe('synthesize', () => {
  const root = temporaryFolder();

  it('writes the insightface layout with the planned labels and pairs', async () => {
    const folder = path.join(root, 'one');
    const seen: number[] = [];
    await synthesize(folder, TINY, { workers: 1, onProgress: ({ images }) => seen.push(images) });
    assert.deepEqual((await readdir(folder)).sort(), FILES);
    assert.equal((await readFile(path.join(folder, 'property'), 'utf8')).trim(), '6,112,112');

    const plan = planSynthSet(resolveSynthOptions(TINY));
    const planted = JSON.parse(
      await readFile(path.join(folder, 'identities.json'), 'utf8'),
    ) as SynthIdentities;
    assert.deepEqual(
      planted.train,
      plan.train.map(({ difficulty, images }) => ({ difficulty, images })),
    );
    const images = planted.train.reduce((sum, person) => sum + person.images, 0);
    const lines = (await readFile(path.join(folder, 'train.idx'), 'utf8')).trim().split('\n');
    assert.equal(lines.length, 1 + images + TINY.identities, 'a header, the images, a range for each person');
    assert.equal(seen.at(-1), images + 2 * TINY.pairs);

    const { images: faces, isSame } = await readVerificationSet(path.join(folder, 'synth.bin'));
    assert.equal(faces.length, 2 * TINY.pairs);
    assert.deepEqual(
      isSame,
      plan.pairs.map((pair) => pair.isSame),
    );
    assert.equal(
      new Set(faces.map((face) => face.toString('base64'))).size,
      faces.length,
      'all faces differ',
    );
  });

  it('writes the same bytes with any number of workers', async () => {
    for (const workers of [0, 3]) {
      await synthesize(path.join(root, String(workers)), TINY, { workers });
      for (const file of FILES) {
        const names = ['one', String(workers)];
        const [a, b] = await Promise.all(names.map((name) => readFile(path.join(root, name, file))));
        assert.ok(a!.equals(b!), file);
      }
    }
  });

  it('leaves what was in the folder as it was when it is interrupted, however late', async () => {
    const folder = path.join(root, 'interrupted');
    await mkdir(folder);
    await writeFile(path.join(folder, 'property'), 'of another set');
    for (const workers of [0, 1]) {
      const controller = new AbortController();
      const drawn: number[] = [];
      const work = synthesize(folder, TINY, {
        workers,
        signal: controller.signal,
        onProgress: ({ images }) => {
          // The last person but one.
          if (drawn.push(images) === TINY.identities + TINY.verificationIdentities - 1) controller.abort();
        },
      });
      await assert.rejects(work, { code: 'ERR_CANCELLED' });
      assert.deepEqual(await readdir(folder), ['property']);
      assert.equal(await readFile(path.join(folder, 'property'), 'utf8'), 'of another set');
    }
  });

  it('stops a contact sheet, too', async () => {
    const file = path.join(root, 'sheet.png');
    const signal = AbortSignal.abort();
    await assert.rejects(writeContactSheet(file, resolveSynthOptions(TINY), { signal }), {
      code: 'ERR_CANCELLED',
    });
    await assert.rejects(readFile(file), { code: 'ENOENT' });
  });

  it('draws a cached set once, also when asked twice at the same time', async () => {
    const cache = path.join(root, 'cache');
    let drawn = 0;
    const hooks = { workers: 1, onProgress: () => void drawn++ };
    const [first, second] = await Promise.all([
      ensureSynthSet(cache, TINY, hooks),
      ensureSynthSet(cache, TINY, hooks),
    ]);
    assert.equal(first, second);
    const before = drawn;
    assert.equal(await ensureSynthSet(cache, TINY, hooks), first);
    assert.equal(drawn, before, 'the second time nothing is drawn');
    assert.deepEqual((await readdir(first)).sort(), FILES);
    assert.deepEqual(await readdir(cache), [path.basename(first)], 'nothing half drawn is left');
    assert.notEqual(await ensureSynthSet(cache, { ...TINY, seed: 5 }, hooks), first);
  });

  it('leaves nothing behind when drawing fails', async () => {
    const cache = path.join(root, 'failing');
    const hooks = {
      workers: 1,
      onProgress: () => {
        throw new Error('stop');
      },
    };
    await assert.rejects(ensureSynthSet(cache, TINY, hooks), /stop/);
    assert.deepEqual(await readdir(cache), []);
  });
});
