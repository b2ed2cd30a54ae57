import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { IResNet, embedImages, liveTensors, manualSeed, readNpy } from '../../../lib';
import { encodedFaces } from '../../../lib/eval/embedding/face-inputs';
import { readIndex } from '../../../lib/eval/embedding/feature-files';
import { fileFaces } from '../../../lib/eval/embedding/open-faces';
import { storeFeatures, type StoreFeaturesOptions } from '../../../lib/eval/embedding/store-features';
import { readOpencvMatrix } from '../../../lib/io/opencv-matrix';
import type { Backbone } from '../../../lib/nn/backbone';
import { rejects } from '../../support/assert';
import { anyBytes, jpeg } from '../../support/faces';
import { fakeGroups } from '../../support/fake-group';
import { temporaryFolder } from '../../support/folder';
import { interruptScript } from '../../support/interrupt-kappa';
import { collectGarbage } from '../../support/tensors';

describe('features on disk', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const images = Array.from({ length: 23 }, (_, i) => jpeg(i + 1, 24));
  const faces = encodedFaces(images, 'own');
  const backbones: Backbone[] = [];
  const base = { batchSize: 4, checkpoint: 'none', workers: 0 };
  let outputs = 0;
  const place = (): string => path.join(folder, `out-${outputs++}`);
  const store = (output: string, changes: Partial<StoreFeaturesOptions> = {}, backbone = backbones[0]!) =>
    storeFeatures(backbone, faces, { ...base, output, ...changes });

  before(async () => {
    await manualSeed(1);
    const options = { depth: 18, widthMultiplier: 0.0625, embeddingSize: 8, imageSize: 16 } as const;
    const first = new IResNet({ ...options, precision: 'float32' });
    backbones.push(first, await first.clone(), await first.clone());
  });
  after(() => backbones.forEach((backbone) => backbone.dispose()));

  it('are those of embedImages: added, apart, without mirror images, at length 1', async () => {
    await collectGarbage();
    const before = liveTensors().count;
    const { data } = await embedImages(backbones[0]!, images, { batchSize: 4 });
    const added = await store(place());
    assert.deepEqual([...(await readNpy(added.features)).data], [...data]);
    assert.deepEqual(
      await readIndex(added.index),
      images.map((_, i) => String(i)),
    );
    const apart = await store(place(), { mirror: 'separate' });
    const [plain, mirrored] = [await readNpy(apart.features), await readNpy(apart.mirrored!)];
    assert.deepEqual(
      Array.from(plain.data, (value, i) => Math.fround(value + mirrored.data[i]!)),
      [...data],
    );
    const lone = await store(place(), { mirror: 'none' });
    assert.deepEqual((await readNpy(lone.features)).data, plain.data);
    assert.equal(lone.mirrored, undefined);
    const unit = await readNpy((await store(place(), { normalize: true })).features);
    for (let row = 0; row < unit.rows; row++) {
      const own = unit.data.subarray(8 * row, 8 * row + 8);
      const raw = data.subarray(8 * row, 8 * row + 8);
      const length = Math.hypot(...raw);
      own.forEach((value, d) => assert.ok(Math.abs(value - raw[d]! / length) < 1e-6));
    }
    assert.equal(liveTensors().count, before);
  });

  it('are the same bytes with threads that decode, and whatever the number of ranks', async () => {
    const alone = await store(place(), { mirror: 'separate' });
    const threads = await store(place(), { mirror: 'separate', workers: 2 });
    const bytes = (file: string): Buffer => readFileSync(file);
    assert.deepEqual(bytes(threads.features), bytes(alone.features));
    for (const worldSize of [2, 3]) {
      const output = place();
      const all = await Promise.all(
        fakeGroups(worldSize).map((group, rank) =>
          store(output, { mirror: 'separate', group }, backbones[rank]),
        ),
      );
      for (const one of all) {
        assert.deepEqual(bytes(one.features), bytes(alone.features));
        assert.deepEqual(bytes(one.mirrored!), bytes(alone.mirrored!));
      }
    }
  });

  it('go on where they were interrupted, also with another number of ranks, to the same bytes', async () => {
    const whole = await store(place(), { mirror: 'separate' });
    const output = place();
    const controller = new AbortController();
    const stop = { signal: controller.signal, onProgress: (n: number) => n >= 12 && controller.abort() };
    await rejects(store(output, { mirror: 'separate', ...stop }), 'ERR_CANCELLED', /^Embedding own was/);
    assert.ok(!existsSync(path.join(output, 'features.npy')));
    const about = JSON.parse(readFileSync(path.join(output, 'features.json'), 'utf8')) as { done: number };
    assert.equal(about.done, 12);
    let computed = 0;
    const said: string[] = [];
    const counted = backbones.slice(0, 2);
    for (const backbone of counted) {
      const forward = backbone.forward.bind(backbone);
      backbone.forward = (input) => {
        computed += input.shape[0]!;
        return forward(input);
      };
    }
    try {
      await Promise.all(
        fakeGroups(2).map((group, rank) =>
          store(
            output,
            { mirror: 'separate', group, onMessage: (text) => void said.push(text) },
            backbones[rank],
          ),
        ),
      );
    } finally {
      for (const backbone of counted) delete (backbone as Partial<Backbone>).forward;
    }
    assert.equal(computed, 2 * (23 - 12));
    assert.deepEqual(said, ['Going on: 12 of 23 features are there.']);
    for (const name of ['features.npy', 'mirrored.npy', 'index.txt', 'features.json'])
      assert.deepEqual(
        readFileSync(path.join(output, name)),
        readFileSync(path.join(path.dirname(whole.features), name)),
        name,
      );
    assert.deepEqual(readdirSync(output).sort(), [
      'features.json',
      'features.npy',
      'index.txt',
      'mirrored.npy',
    ]);
  });

  it('survive a process that is killed in their middle', async () => {
    const [output, other] = [place(), place()];
    const script = (target: string) => `
      let now = 0;
      performance.now = () => (now += 3000); // every batch is written at once
      (async () => {
        const { IResNet, manualSeed } = require('./lib');
        const { encodedFaces } = require('./lib/eval/embedding/face-inputs');
        const { storeFeatures } = require('./lib/eval/embedding/store-features');
        const { jpeg } = require('./test/support/faces');
        await manualSeed(3);
        const backbone = new IResNet({ depth: 18, widthMultiplier: 0.0625, embeddingSize: 8, imageSize: 16, precision: 'float32' });
        const images = Array.from({ length: 200 }, (_, i) => jpeg(i + 1, 24));
        await storeFeatures(backbone, encodedFaces(images, 'own'), {
          output: ${JSON.stringify(target)}, checkpoint: '', batchSize: 2, workers: 0,
          onMessage: console.log,
          onProgress: (done) => { if (done === 60) console.error('sixty'); },
        });
        backbone.dispose();
      })();`;
    const killed = await interruptScript(script(output), [], (stderr) => stderr.includes('sixty'), {
      signal: 'SIGKILL',
    });
    assert.equal(killed.code, null, killed.stderr);
    const again = await interruptScript(script(output), [], () => false);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /^Going on: \d+ of 200 features are there\.\n$/);
    const whole = await interruptScript(script(other), [], () => false);
    assert.equal(whole.code, 0, whole.stderr);
    for (const name of ['features.npy', 'features.json', 'index.txt'])
      assert.deepEqual(readFileSync(path.join(output, name)), readFileSync(path.join(other, name)), name);
  });

  it('are not mixed with those of another model, of other images or options', async () => {
    const output = place();
    await store(output);
    const said: string[] = [];
    await store(output, { onMessage: (text) => void said.push(text) });
    assert.deepEqual(said, ['All 23 features are there already.']);
    await rejects(store(output, { batchSize: 8 }), 'ERR_ARGUMENT', /otherwise: batchSize 4 instead of 8\./);
    await rejects(store(output, { mirror: 'none' }), 'ERR_ARGUMENT', /mirror add instead of none/);
    const others = encodedFaces(images.with(3, jpeg(99, 24)), 'own');
    await rejects(
      storeFeatures(backbones[0]!, others, { ...base, output }),
      'ERR_ARGUMENT',
      /other images \(23\)\. Choose another place, .*--overwrite/,
    );
    const stranger = backbones[0]!.like();
    await rejects(store(output, {}, stranger), 'ERR_ARGUMENT', /another model \(none\)/);
    await store(output, { overwrite: true }, stranger);
    stranger.dispose();
    const lone = place();
    await store(`${lone}.npy`);
    writeFileSync(`${lone}.json`, '{');
    await rejects(store(`${lone}.npy`), 'ERR_DATA_CORRUPT', /not JSON/);
    writeFileSync(`${lone}.json`, '{}');
    await rejects(store(`${lone}.npy`), 'ERR_DATA_CORRUPT', /does not tell of features/);
    await rejects(store(folder + '/out-0/index.txt'), 'ERR_IO');
  });

  it('say where rows are lost that were written', async () => {
    const output = place();
    const controller = new AbortController();
    const stop = { signal: controller.signal, onProgress: () => controller.abort() };
    await rejects(store(output, stop), 'ERR_CANCELLED');
    truncateSync(path.join(output, 'features.npy.part'), 140);
    await rejects(store(output), 'ERR_DATA_CORRUPT', /has 140 bytes, but 4 rows were written/);
    await store(output, { overwrite: true });
    assert.equal((await readNpy(path.join(output, 'features.npy'))).rows, 23);
  });

  it('are refused where another rank has something else', async () => {
    const results = await Promise.allSettled(
      fakeGroups(2).map((group, rank) =>
        storeFeatures(backbones[rank]!, rank === 0 ? faces : encodedFaces(images.toReversed(), 'own'), {
          ...base,
          output: path.join(folder, 'unlike'),
          group,
        }),
      ),
    );
    for (const result of results) {
      assert.ok(result.status === 'rejected');
      await rejects(Promise.reject(result.reason), 'ERR_CONFIG', /^Rank 1 embeds own with other weights/);
    }
    // What rank 0 cannot open, and an image that rank 1 cannot decode, end both.
    for (const [images_, output, code] of [
      [images, path.join(folder, 'out-0', 'index.txt'), 'ERR_IO'],
      [images.with(5, anyBytes(1)), path.join(folder, 'bad'), 'ERR_PEER'],
    ] as const) {
      const both = await Promise.allSettled(
        fakeGroups(2).map((group, rank) =>
          storeFeatures(backbones[rank]!, encodedFaces(images_, 'own'), { ...base, output, group }),
        ),
      );
      assert.deepEqual(
        both.map((result) => result.status),
        ['rejected', 'rejected'],
      );
      const { reason } = both[0] as PromiseRejectedResult;
      await rejects(Promise.reject(reason as Error), code);
    }
  });

  it('are files of MegaFace, a column of float32 each', async () => {
    const output = place();
    const files = images.slice(0, 5).map((image, i) => {
      const file = path.join(folder, `m${i}.jpg`);
      writeFileSync(file, image);
      return { name: `a/b@N0${i % 2}/${i}.jpg`, file };
    });
    const run = { ...base, output, format: 'megaface', normalize: true, ending: '_r18.bin' } as const;
    await storeFeatures(backbones[0]!, fileFaces(files, 'own'), run);
    const { data } = await embedImages(backbones[0]!, images.slice(0, 5), { batchSize: 4 });
    for (const [i, { name }] of files.entries()) {
      const { data: own, rows, columns } = await readOpencvMatrix(path.join(output, `${name}_r18.bin`));
      assert.deepEqual([rows, columns], [8, 1]);
      const raw = data.subarray(8 * i, 8 * i + 8);
      own.forEach((value, d) => assert.ok(Math.abs(value - raw[d]! / Math.hypot(...raw)) < 1e-6));
    }
    for (const [name, message] of [
      ['../x.jpg', /leads out of the folder/],
      ['a/b@N00/0.jpg', /occurs twice/],
    ] as const)
      await rejects(
        storeFeatures(backbones[0]!, fileFaces([...files, { name, file: files[0]!.file }], 'own'), {
          ...run,
          output: place(),
        }),
        'ERR_DATA_CORRUPT',
        message,
      );
  });

  it('have an index that is read with its faults told', async () => {
    const file = path.join(folder, 'index.txt');
    writeFileSync(file, 'a.jpg\r\nb c.jpg\n');
    assert.deepEqual(await readIndex(file), ['a.jpg', 'b c.jpg']);
    writeFileSync(file, 'a\n\nb\n');
    await rejects(readIndex(file), 'ERR_DATA_CORRUPT', /line 2: it is empty/);
    writeFileSync(file, 'a\nb\na\n');
    await rejects(readIndex(file), 'ERR_DATA_CORRUPT', /line 3: a occurs twice/);
    await rejects(readIndex(`${file}x`), 'ERR_DATA_NOT_FOUND', /no index/);
  });
});
