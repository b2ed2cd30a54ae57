import assert from 'node:assert/strict';
import { cpSync, existsSync, openSync, closeSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import path from 'node:path';

import { SGD, Trainer, writeVerificationSet } from '../../lib';
import type { Config, ResolvedConfig, TrainResult, TrainerOptions } from '../../lib';
import type { Diagnosis } from '../../lib/train/diagnosis';
import * as verification from '../../lib/eval/verification';
import * as clip from '../../lib/optim/clip';
import { rejects } from '../support/assert';
import { jpeg } from '../support/faces';
import { temporaryFolder } from '../support/folder';
import { replaced } from '../support/replace';
import { checksums, timelessMetrics, tinyConfig, tinyFaces } from '../support/tiny-run';

describe('a run that meets an error', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  let faces: string;
  let runs = 0;
  const config = (changes: Partial<Config> = {}): ResolvedConfig =>
    tinyConfig(faces, path.join(folder, `runs${runs++}`), {
      head: { kind: 'arcface' },
      ...changes,
      train: { epochs: 2, batchSize: 8, logEvery: 2, checkpointEvery: 1000, ...changes.train },
    });
  const train = (resolved: ResolvedConfig, options: TrainerOptions = {}): Promise<TrainResult> =>
    new Trainer(resolved, options).run();
  const checkpointsOf = ({ output }: ResolvedConfig): string[] =>
    readdirSync(path.join(output, 'tiny', 'checkpoints')).filter((name) => name.startsWith('step-'));
  let whole: TrainResult;

  before(async () => {
    faces = await tinyFaces(path.join(folder, 'cache'));
    whole = await train(config());
  });

  const assertAsWhole = async (result: TrainResult): Promise<void> => {
    assert.deepEqual(timelessMetrics(result.folder), timelessMetrics(whole.folder));
    assert.deepEqual(await checksums(result.folder), await checksums(whole.folder));
  };

  for (const [name, pairs, damaged, reason] of [
    ['few', [true, false, true, false, true], -1, /few\.bin .*5 pairs, at least 10 are needed/],
    ['one-kind', Array<boolean>(12).fill(false), -1, /one-kind\.bin .*no pair of the same person/],
    ['cut', Array.from({ length: 12 }, (_, i) => i % 2 === 0), 17, /cut\.bin .*image 17: .*decode/],
  ] as const)
    it(`finds a verification set that cannot be used before the first step (${name})`, async () => {
      const images = Array.from({ length: 2 * pairs.length }, (_, i) => jpeg(i));
      if (damaged >= 0) images[damaged] = images[damaged]!.subarray(0, 900);
      const root = path.join(folder, 'sets');
      await writeVerificationSet(path.join(root, `${name}.bin`), { images, isSame: [...pairs] });
      const data = { root: faces, validationRoot: root, validation: [name] };
      const bad = config({ data });
      await rejects(train(bad), 'ERR_DATA_CORRUPT', reason);
      assert.ok(!existsSync(bad.output), 'no run was begun');
      const messages: string[] = [];
      const { final } = await train(
        config({ data: { ...data, validationRequired: false }, train: { epochs: 1 } }),
        { onMessage: (text) => messages.push(text) },
      );
      assert.equal(final, null);
      assert.match(messages.join('\n'), reason);
    });

  it('goes on where a verification fails, and tells of it', async () => {
    const messages: string[] = [];
    const resolved = config({ train: { validateEvery: 3 } });
    let tries = 0;
    const original = verification.evaluateVerification;
    const result = await replaced(
      verification as { evaluateVerification: typeof original },
      'evaluateVerification',
      (...args) => (tries++ === 0 ? Promise.reject(new Error('the disk went away')) : original(...args)),
      () => train(resolved, { onMessage: (text) => messages.push(text) }),
    );
    assert.equal(result.steps, whole.steps);
    assert.match(messages.join('\n'), /Step 3 could not be verified, training goes on: the disk went away/);
    assert.deepEqual(result.final, whole.final);
  });

  it('writes a checkpoint when an image is damaged, names the image and the ways on, and goes on from there', async () => {
    const root = path.join(folder, 'damaged');
    cpSync(faces, root, { recursive: true });
    const index = readFileSync(path.join(root, 'train.idx'), 'utf8').trim().split('\n');
    const images = whole.steps / 2;
    const [key, offset] = index.map((line) => line.split('\t').map(Number))[8 * images] as [number, number];
    const file = openSync(path.join(root, 'train.rec'), 'r+');
    writeSync(file, Buffer.alloc(16), 0, 16, offset + 40);
    closeSync(file);
    const damaged = config({ data: { root, shuffle: false } });
    const message = new RegExp(
      `train\\.rec: sample \\d+ \\(key ${key},[^]*A checkpoint of step (\\d+) was written: .*step-0+\\1\\.[^]*` +
        `data\\.onCorrupt=skip.*--resume[^]*data\\.skipList`,
    );
    await rejects(train(damaged), 'ERR_DATA_CORRUPT', message);
    const [checkpoint] = checkpointsOf(damaged);
    assert.ok(Number(checkpoint?.slice(5)) > 0, checkpoint);
    const skipping = { ...damaged, data: { ...damaged.data, onCorrupt: 'skip' as const } };
    const replacements: string[] = [];
    const result = await train(skipping, { resume: true, onMessage: (text) => replacements.push(text) });
    assert.equal(result.steps, whole.steps);
    assert.equal(replacements.filter((text) => /A damaged image was replaced/.test(text)).length, 2);
  });

  it('writes a checkpoint between two steps that goes on bit for bit', async () => {
    const resolved = config();
    const failing = train(resolved, {
      onStep: ({ step }) => {
        if (step === 3) throw new Error('a hook failed');
      },
    });
    await assert.rejects(failing, /a hook failed/);
    assert.deepEqual(checkpointsOf(resolved), ['step-00000003']);
    await assertAsWhole(await train(resolved, { resume: true }));
  });

  it('takes a step back that fails before its update, and goes on bit for bit', async () => {
    const resolved = config();
    let calls = 0;
    const original = clip.clipGradients;
    await replaced(
      clip as { clipGradients: typeof original },
      'clipGradients',
      (...args) => (++calls === 3 ? Promise.reject(new Error('no memory')) : original(...args)),
      () => assert.rejects(train(resolved), /no memory/),
    );
    assert.deepEqual(checkpointsOf(resolved), ['step-00000002']);
    await assertAsWhole(await train(resolved, { resume: true }));
  });

  it('writes no checkpoint in the middle of an update, and names the one before', async () => {
    const resolved = config({ train: { checkpointEvery: 2, validateEvery: 1000 } });
    let steps = 0;
    const messages: string[] = [];
    const original = SGD.prototype.step;
    await replaced(
      SGD.prototype,
      'step',
      function (this: SGD, ...args) {
        return ++steps === 4 ? Promise.reject(new Error('torn')) : original.apply(this, args);
      },
      () => assert.rejects(train(resolved, { onMessage: (text) => messages.push(text) }), /torn/),
    );
    assert.deepEqual(checkpointsOf(resolved), ['step-00000002']);
    assert.match(messages.join('\n'), /middle of an update[^]*last good checkpoint is .*step-00000002/);
  });

  it('says which layer went first where values outgrow float16, and keeps the last good checkpoint', async () => {
    const resolved = config({
      backbone: { depth: 18, widthMultiplier: 0.0625, embeddingSize: 16, precision: 'float16' },
      train: { validateEvery: 1000, keepCheckpoints: 1, maxSkippedSteps: 20 },
    });
    const { steps } = await train({ ...resolved, train: { ...resolved.train, epochs: 3 } });
    const blown = { ...resolved, optimizer: { ...resolved.optimizer, lr: 1e5, weightDecay: 0 } };
    const failing = train(
      { ...blown, train: { ...blown.train, maxSkippedSteps: 2, epochs: 20, checkpointEvery: 11 } },
      { resume: true },
    );
    const error = await failing.then(
      () => assert.fail('it did not stop'),
      (caught: Error) => caught.message,
    );
    assert.match(error, /the output of \S+ went first, \d+ of its values are not finite/);
    assert.match(error, /float16 ends at 65504.*backbone\.precision=bfloat16/);
    assert.match(error, /Cosines .*\. *\nLosses before: \d[^]*Images of the step: .*\(key \d+.*of class \d/);
    assert.match(error, /last good checkpoint is .*step-00000009 \(step 9\): go on from there with --resume/);
    const run = path.join(resolved.output, 'tiny');
    const told = JSON.parse(readFileSync(path.join(run, 'not-finite.json'), 'utf8')) as Diagnosis;
    assert.equal(told.samples.length, 8);
    assert.ok(told.firstOutput && told.firstOutput.notFinite > 0);
    assert.ok((told.largestOutput?.largest ?? 0) > 60_000, 'near the end of float16');
    // Once the rate is right again the run goes on from the checkpoint that was kept.
    const again = await train(
      { ...resolved, train: { ...resolved.train, epochs: 6 } },
      { resume: true, onPlan: ({ firstStep }) => assert.equal(firstStep, 9) },
    );
    assert.equal(again.steps, 2 * steps);
  });
});
