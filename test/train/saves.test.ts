import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { KappaError, Trainer, liveTensors, openCheckpoint, resolveCheckpoint } from '../../lib';
import type { Config, ResolvedConfig, TrainResult, TrainerOptions } from '../../lib';
import * as safetensors from '../../lib/io/safetensors';
import { temporaryFolder } from '../support/folder';
import { replaced } from '../support/replace';
import { checksums, timelessMetrics, tinyConfig, tinyFaces } from '../support/tiny-run';

type Write = typeof safetensors.writeSafetensorsAside;

/** A run in which another function writes files aside. */
const writing = <R>(stand: Write, body: () => Promise<R>): Promise<R> =>
  replaced(safetensors as { writeSafetensorsAside: Write }, 'writeSafetensorsAside', stand, body);
const writeAside = safetensors.writeSafetensorsAside;
const stepOf = (file: string): number => Number(/step-(\d+)/.exec(file)?.[1]);

/** Something that does not happen before it is opened. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('checkpoints beside training', function () {
  this.timeout(300_000);
  const folder = temporaryFolder();
  let faces: string;
  let whole: TrainResult;
  let runs = 0;
  const config = (train: Partial<Config['train']> = {}): ResolvedConfig =>
    tinyConfig(faces, path.join(folder, `runs${runs++}`), {
      head: { kind: 'kappaface', concentration: { kind: 'memory' } },
      data: { root: faces, validation: [] },
      train: { epochs: 3, batchSize: 8, logEvery: 1, checkpointEvery: 2, ...train },
    });
  const train = (resolved: ResolvedConfig, options: TrainerOptions = {}): Promise<TrainResult> =>
    new Trainer(resolved, options).run();
  const assertAsWhole = async ({ folder: run }: TrainResult): Promise<void> => {
    assert.deepEqual(timelessMetrics(run), timelessMetrics(whole.folder));
    assert.deepEqual(await checksums(run), await checksums(whole.folder));
  };

  before(async () => {
    faces = await tinyFaces(path.join(folder, 'cache'));
    whole = await train(config());
    assert.ok(whole.steps >= 6);
  });

  it('do not hold up the steps; the next one waits for the one before', async () => {
    const events: string[] = [];
    const { opened, open } = gate();
    let atOnce = 0;
    const result = await writing(
      async (file, tensors) => {
        assert.equal(atOnce++, 0, 'one file of one checkpoint at a time');
        if (stepOf(file) === 2) await opened;
        await writeAside(file, tensors);
        atOnce--;
      },
      () =>
        train(config(), {
          onStep: ({ step }) => {
            events.push(`step ${step}`);
            if (step === 4) open();
          },
          onCheckpoint: (saved) => {
            events.push(`checkpoint ${stepOf(saved)}`);
            assert.ok(existsSync(path.join(saved, 'state.json')));
            const last = readFileSync(path.join(path.dirname(saved), 'last'), 'utf8');
            assert.equal(last.trim(), path.basename(saved));
          },
        }),
    );
    assert.deepEqual(events.slice(0, 5), ['step 1', 'step 2', 'step 3', 'step 4', 'checkpoint 2']);
    assert.ok(events.indexOf('checkpoint 4') > events.indexOf('checkpoint 2'));
    assert.equal(events.at(-1), `checkpoint ${result.steps}`, 'the run ends with the last on the disk');
    await assertAsWhole(result);
  });

  it('are of the step that they are named after, though training went on meanwhile', async () => {
    const { opened, open } = gate();
    const early = config({ keepCheckpoints: 9 });
    await writing(
      async (file, tensors) => {
        if (stepOf(file) === 2) await opened;
        return writeAside(file, tensors);
      },
      () => train(early, { onStep: ({ step }) => void (step === 4 && open()) }),
    );
    const inLine = config({ keepCheckpoints: 9, checkpointMemory: 0 });
    await writing(
      () => assert.fail('nothing is written aside'),
      () => train(inLine),
    );
    const files = async ({ output }: ResolvedConfig): Promise<unknown> => {
      const saved = path.join(output, 'tiny', 'checkpoints', 'step-00000002');
      const { run } = (await openCheckpoint<{ run: { step: number } }>(saved)).state;
      const { files: stamps } = JSON.parse(readFileSync(path.join(saved, 'state.json'), 'utf8')) as {
        files: unknown;
      };
      return { step: run.step, stamps };
    };
    assert.deepEqual(await files(early), await files(inLine));
  });

  it('take no more memory than they may: the rest is written before training goes on, which is told once', async () => {
    // A quarter of what is free is a little more than the backbone takes.
    const saved = await resolveCheckpoint(whole.folder, 'last');
    const { files } = JSON.parse(readFileSync(path.join(saved, 'state.json'), 'utf8')) as {
      files: Record<string, { bytes: number }>;
    };
    const limit = (files['backbone.safetensors']?.bytes ?? 0) + 20_000;
    const messages: string[] = [];
    const order: string[] = [];
    const writeInLine = safetensors.writeSafetensors;
    const take = safetensors.snapshotTensors;
    let most = 0;
    const result = await replaced(
      process,
      'availableMemory',
      () => 4 * limit,
      () =>
        replaced(
          safetensors as { snapshotTensors: typeof take },
          'snapshotTensors',
          async (tensors) => {
            const before = liveTensors().bytes;
            const copies = await take(tensors);
            most = Math.max(most, liveTensors().bytes - before);
            return copies;
          },
          () =>
            replaced(
              safetensors as { writeSafetensors: typeof writeInLine },
              'writeSafetensors',
              async (file, tensors) => {
                await writeInLine(file, tensors);
                order.push(path.basename(file));
              },
              () =>
                train(config(), {
                  onStep: ({ step }) => order.push(`step ${step}`),
                  onMessage: (text) => messages.push(text),
                }),
            ),
        ),
    );
    assert.ok(most > 0 && most <= limit, `${most} of ${limit} bytes`);
    const inLine = order.slice(order.indexOf('step 2') + 1, order.indexOf('step 3'));
    assert.ok(inLine.length > 0 && !inLine.includes('backbone.safetensors'), inLine.join());
    assert.deepEqual(order.slice(order.indexOf('step 3') + 1, order.indexOf('step 4')), []);
    assert.equal(
      messages.filter((text) => /Memory is too short to copy/.test(text)).length,
      1,
      messages.join(),
    );
    await assertAsWhole(result);
  });

  it('end the run where they cannot be written, with an error at the next step and what there was before', async () => {
    for (const [name, isRescued] of [
      ['for once', true],
      ['for good', false],
    ] as const) {
      const resolved = config();
      let failures = 0;
      const message = await writing(
        async (file, tensors) => {
          if (stepOf(file) >= 4 && (!isRescued || failures === 0)) {
            failures++;
            throw new KappaError('ERR_IO', `Could not write ${file}: the disk went away.`);
          }
          await writeAside(file, tensors);
        },
        () =>
          train(resolved).then(
            () => assert.fail('it did not stop'),
            (error: KappaError) => `${error.code} ${error.message}`,
          ),
      );
      assert.match(message, /^ERR_IO Could not write .*step-00000004.*: the disk went away\./, name);
      const checkpoints = path.join(resolved.output, 'tiny', 'checkpoints');
      const [, rescued] = /A checkpoint of step (\d) was written/.exec(message) ?? [];
      assert.equal(rescued !== undefined, isRescued, message);
      if (!isRescued) assert.match(message, /last good checkpoint is .*step-00000002 \(step 2\)/);
      const last = path.basename(await resolveCheckpoint(checkpoints, 'last'));
      assert.equal(last, isRescued ? `step-0000000${rescued}` : 'step-00000002');
      assert.ok(!readdirSync(checkpoints).some((entry) => entry.includes('partial')));
      assert.ok(!existsSync(path.join(resolved.output, 'tiny', 'result.json')));
      await assertAsWhole(await train(resolved, { resume: true }));
    }
  });

  it('are waited for at the end of a run, at an interruption and after an error', async () => {
    for (const how of ['end', 'interruption', 'error']) {
      const resolved = config({ checkpointEvery: 1000, epochs: 1 });
      const controller = new AbortController();
      const { opened, open } = gate();
      const run = writing(
        async (file, tensors) => {
          setImmediate(open);
          await opened;
          await writeAside(file, tensors);
        },
        () =>
          train(resolved, {
            signal: controller.signal,
            onStep: ({ step }) => {
              if (step !== 1) return;
              if (how === 'interruption') controller.abort();
              if (how === 'error') throw new Error('a hook failed');
            },
          }),
      );
      const steps = how === 'end' ? (await run).steps : 1;
      if (how === 'error') await assert.rejects(run, /a hook failed/);
      else assert.equal((await run).interrupted, how === 'interruption');
      const root = path.join(resolved.output, 'tiny');
      assert.equal(stepOf(await resolveCheckpoint(path.join(root, 'checkpoints'), 'last')), steps);
      assert.equal(existsSync(path.join(root, 'result.json')), how === 'end');
    }
  });
});
