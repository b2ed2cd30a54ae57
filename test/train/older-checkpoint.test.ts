import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { Trainer, loadBackbone, openCheckpoint, resolveCheckpoint, writeSafetensors } from '../../lib';
import type { Config, ResolvedConfig, TrainResult } from '../../lib';
import { stamp } from '../../lib/run/checkpoint-layout';
import { rejects } from '../support/assert';
import { temporaryFolder } from '../support/folder';
import { checksums, timelessMetrics, tinyConfig, tinyFaces } from '../support/tiny-run';

/** Rewrites a checkpoint as version 1 of the layout had it. */
async function makeVersion1(folder: string): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  const read = async (name: string) =>
    checkpoint.has(name) ? [...(await checkpoint.tensors(name))] : ([] as never[]);
  const [head, random] = [await read('head'), await checkpoint.ownTensors('random', 0)];
  const isVelocity = ([name]: readonly [string, unknown]): boolean => name.startsWith('velocity.');
  const groups = {
    backbone: await read('backbone'),
    head: [
      ...head.filter((entry) => !isVelocity(entry)),
      ...(await read('memory')),
      ...(await read('encoder')),
      ...(await read('sampler')),
    ],
    optimizer: [...(await read('optimizer')), ...head.filter(isVelocity)],
    random: [...(random ?? [])],
  };
  const files: Record<string, unknown> = {};
  for (const [name, tensors] of Object.entries(groups)) {
    const file = path.join(folder, `${name}.safetensors`);
    await writeSafetensors(file, new Map(tensors));
    files[`${name}.safetensors`] = await stamp(file);
  }
  for (const name of ['memory', 'encoder', 'sampler'])
    rmSync(path.join(folder, `${name}.safetensors`), { force: true });
  const file = path.join(folder, 'state.json');
  const { state } = JSON.parse(readFileSync(file, 'utf8')) as { state: unknown };
  writeFileSync(file, JSON.stringify({ version: 1, files, state }));
}

describe('a checkpoint of the layout before', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  let faces: string;
  let runs = 0;
  const config = (head: Config['head']): ResolvedConfig =>
    tinyConfig(faces, path.join(folder, `runs${runs++}`), {
      head,
      data: { root: faces, validation: [] },
      train: { epochs: 2, batchSize: 8, logEvery: 1 },
    });
  /** A run that was left after two steps, with a checkpoint of version 1. */
  async function left(resolved: ResolvedConfig): Promise<string> {
    const controller = new AbortController();
    const { folder: run } = await new Trainer(resolved, {
      signal: controller.signal,
      onStep: ({ step }) => void (step === 2 && controller.abort()),
    }).run();
    const checkpoint = await resolveCheckpoint(run, 'last');
    await makeVersion1(checkpoint);
    return checkpoint;
  }
  const resume = (resolved: ResolvedConfig): Promise<TrainResult> =>
    new Trainer(resolved, { resume: true }).run();

  before(async () => {
    faces = await tinyFaces(path.join(folder, 'cache'));
  });

  for (const [name, head] of [
    ['arcface', { kind: 'arcface' }],
    ['momentum, PartialFC', { concentration: { kind: 'momentum' }, sampleRate: 0.7 }],
  ] as const)
    it(`is gone on from bit for bit (${name})`, async () => {
      const whole = await new Trainer(config(head)).run();
      const resolved = config(head);
      await left(resolved);
      const result = await resume(resolved);
      assert.deepEqual(timelessMetrics(result.folder), timelessMetrics(whole.folder));
      assert.deepEqual(await checksums(result.folder), await checksums(whole.folder));
    });

  it('with a memory buffer is of use for its backbone only', async () => {
    const resolved = config({ concentration: { kind: 'memory' } });
    const checkpoint = await left(resolved);
    await rejects(
      resume(resolved),
      'ERR_VERSION',
      /memory buffer in the order of the images[^]*in the order of the classes/,
    );
    (await loadBackbone(checkpoint)).dispose();
  });
});
