import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { Trainer } from '../../lib';
import type { Config, ResolvedConfig, TrainResult, TrainerOptions } from '../../lib';
import { rejects } from '../support/assert';
import { jpeg, makeDataset } from '../support/faces';
import { temporaryFolder, writeFile } from '../support/folder';
import { timelessMetrics, tinyConfig } from '../support/tiny-run';

describe('a run that goes on', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let runs = 0;
  const config = (root: string, changes: Partial<Config> = {}): ResolvedConfig =>
    tinyConfig(root, path.join(folder, `runs${runs++}`), {
      head: { kind: 'arcface' },
      ...changes,
      data: { root, validation: [], ...changes.data },
      train: { epochs: 1, batchSize: 4, logEvery: 1 },
    });
  const train = (resolved: ResolvedConfig, options: TrainerOptions = {}): Promise<TrainResult> =>
    new Trainer(resolved, options).run();
  const goOn = (resolved: ResolvedConfig, root: string, options: TrainerOptions = {}): Promise<TrainResult> =>
    train(
      { ...resolved, data: { ...resolved.data, root }, train: { ...resolved.train, epochs: 2 } },
      { ...options, resume: true },
    );
  const dataset = (name: string, counts = [3, 4, 3]): Promise<string> =>
    makeDataset(path.join(folder, name), counts);

  it('takes the same set wherever it lies and however its place is spelled', async () => {
    const root = await dataset('set');
    const resolved = config(root);
    const { steps } = await train(resolved);
    symlinkSync(root, path.join(folder, 'link'));
    cpSync(root, path.join(folder, 'moved'), { recursive: true });
    for (const [epochs, place] of [
      [2, `${root}/`],
      [3, path.join(folder, '.', 'link')],
      [4, path.join(folder, 'moved', 'train.rec')],
    ] as const) {
      const next = { ...resolved, data: { ...resolved.data, root: place } };
      const result = await train({ ...next, train: { ...next.train, epochs } }, { resume: true });
      assert.equal(result.steps, epochs * steps, place);
    }
  });

  it('refuses another set at the same place and says what changed', async () => {
    const root = await dataset('changing');
    const resolved = config(root);
    await train(resolved);
    rmSync(root, { recursive: true });
    await dataset('changing', [3, 7, 3]);
    await rejects(
      goOn(resolved, root),
      'ERR_CONFIG',
      /not the one it began with[^]*3 more images: 10 then, 13 now[^]*class 1 had 4 images and has 7/,
    );
    rmSync(root, { recursive: true });
    await dataset('changing', [3, 4, 3, 2]);
    await rejects(goOn(resolved, root), 'ERR_CONFIG', /2 more images[^]*1 more classes: 3 then, 4 now/);
    // As many of each, but other pictures.
    rmSync(root, { recursive: true });
    await makeDataset(root, [3, 4, 3], (i) => Buffer.concat([jpeg(i), Buffer.alloc(8)]));
    await rejects(goOn(resolved, root), 'ERR_CONFIG', /as many images of each class, but other ones/);
    rmSync(root, { recursive: true });
    await dataset('changing');
    assert.ok(await goOn(resolved, root));
  });

  it('tells folders of images by their names and sizes, and by the weights of sources', async () => {
    const root = path.join(folder, 'people');
    for (let i = 0; i < 9; i++) writeFile(root, `p${i % 3}/${i}.jpg`, jpeg(i));
    const sources = [{ root, weight: 1 }];
    const resolved = config(root, { data: { root: null, sources, validation: [] } });
    await train(resolved);
    const withSource = (source: object): ResolvedConfig => ({
      ...resolved,
      data: { ...resolved.data, sources: [{ ...resolved.data.sources[0]!, ...source }] },
      train: { ...resolved.train, epochs: 2 },
    });
    await rejects(
      train(withSource({ weight: 2 }), { resume: true }),
      'ERR_CONFIG',
      /weight of .*people was 1 and is 2/,
    );
    const elsewhere = path.join(folder, 'elsewhere');
    renameSync(root, elsewhere);
    renameSync(path.join(elsewhere, 'p1', '4.jpg'), path.join(elsewhere, 'p1', '44.jpg'));
    const moved = withSource({ root: elsewhere });
    await rejects(train(moved, { resume: true }), 'ERR_CONFIG', /but other ones/);
    renameSync(path.join(elsewhere, 'p1', '44.jpg'), path.join(elsewhere, 'p1', '4.jpg'));
    assert.ok(await train(moved, { resume: true }));
  });

  it('of the version before, without a fingerprint, goes on by the place of its data, and gets one', async () => {
    const root = await dataset('old');
    const resolved = config(root);
    const { folder: run } = await train(resolved);
    const file = path.join(run, 'dataset.json');
    const kept = readFileSync(file, 'utf8');
    rmSync(file);
    const other = await dataset('old-copy');
    await rejects(goOn(resolved, other), 'ERR_CONFIG', /data\.root was .*old" and is .*old-copy"/);
    assert.ok(await goOn(resolved, `${root}/../old`));
    assert.equal(readFileSync(file, 'utf8'), kept);
  });

  it('is refused to a second process while one trains it, and taken over from one that is gone', async () => {
    const resolved = config(await dataset('locked'));
    let second: Promise<unknown> | undefined;
    const { folder: run } = await train(resolved, {
      onStep: () => {
        second ??= train(resolved, { resume: true }).then(
          () => 'ran',
          (error: unknown) => error,
        );
      },
    });
    const lock = path.join(run, 'run.lock');
    const error = (await second) as Error & { code: string };
    assert.equal(error.code, 'ERR_LOCKED', String(error));
    assert.match(
      error.message,
      new RegExp(`is in use by process ${process.pid} on ${os.hostname()}, since 2`),
    );
    assert.ok(!existsSync(lock), 'it was given back');

    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(
      lock,
      JSON.stringify({ pid: gone, host: os.hostname(), since: '2026-01-01T00:00:00.000Z' }),
    );
    const messages: string[] = [];
    await goOn(resolved, resolved.data.root!, { onMessage: (text) => messages.push(text) });
    assert.match(messages.join('\n'), new RegExp(`in use by process ${gone} .*which is gone: taken over`));
    assert.ok(!existsSync(lock));
  });

  describe('in a dry run', () => {
    const snapshot = (root: string): string[] =>
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => {
          const file = path.join(entry.parentPath, entry.name);
          return `${file} ${readFileSync(file).length} ${readFileSync(file).subarray(0, 4096).toString('hex')}`;
        })
        .sort();

    it('writes nothing, neither beside the data nor in the run, and leaves the run as it would go on', async () => {
      const root = await dataset('dry');
      rmSync(path.join(root, 'train.idx'));
      const resolved = config(root);
      const messages: string[] = [];
      const before = snapshot(folder);
      const report = await new Trainer(resolved, { onMessage: (text) => messages.push(text) }).dryRun();
      assert.deepEqual(snapshot(folder), before);
      assert.ok(!existsSync(resolved.output));
      assert.match(messages.join('\n'), /was made \(it was not kept/);
      assert.deepEqual([report.folder, report.firstStep, report.totalSteps], [null, 0, 2]);
      assert.deepEqual([report.data.images, report.data.classes], [10, 3]);
      assert.ok(report.step.updated && report.step.loss > 0);

      const whole = await train(resolved);
      // The loss of the step is the first one of the run.
      const [first] = timelessMetrics(whole.folder) as { loss: number }[];
      assert.equal(report.step.loss, first?.loss);
      const after = snapshot(folder);
      const more = { ...resolved, train: { ...resolved.train, epochs: 2 } };
      const next = await new Trainer(more, { resume: true }).dryRun();
      assert.deepEqual([next.folder, next.firstStep, next.totalSteps], [whole.folder, 2, 4]);
      assert.deepEqual(snapshot(folder), after);
      const resumed = await train(more, { resume: true });
      const third = (timelessMetrics(resumed.folder) as { loss: number }[])[2];
      assert.equal(next.step.loss, third?.loss);
    });

    it('tells the sizes of what it made, and refuses what cannot be', async () => {
      const root = await dataset('sizes');
      const resolved = config(root);
      const { memory, disk } = await new Trainer(resolved).dryRun();
      // 18 layers of a sixteenth of the width: conv1 gives 4 channels of 112 x 112 in float32, and so do bn1 and prelu.
      assert.ok(memory.activations > 4 * 3 * 4 * 112 * 112 * 4);
      assert.ok(memory.peak > memory.process + memory.activations && memory.available > 0);
      assert.equal(memory.head, (3 * 16 + 3) * 4);
      const { folder: run } = await train(resolved);
      const [name] = readdirSync(path.join(run, 'checkpoints')).filter((entry) => entry.startsWith('step-'));
      const written = readdirSync(path.join(run, 'checkpoints', name!)).map(
        (file) => readFileSync(path.join(run, 'checkpoints', name!, file)).length,
      );
      const total = written.reduce((sum, bytes) => sum + bytes, 0);
      assert.ok(disk.checkpointBytes < total && total < disk.checkpointBytes + 100_000, `${total}`);
      const blocked = writeFile(folder, 'blocked', '');
      await rejects(
        new Trainer({ ...resolved, output: path.join(blocked, 'x') }).dryRun(),
        'ERR_IO',
        /is a file|not a folder/,
      );
      writeFileSync(path.join(run, 'run.lock'), JSON.stringify({ pid: process.pid, host: os.hostname() }));
      await rejects(new Trainer(resolved, { resume: true }).dryRun(), 'ERR_LOCKED', /in use by process/);
    });
  });
});
