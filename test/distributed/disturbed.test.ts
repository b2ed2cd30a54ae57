import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';

import { resolveCheckpoint, type TrainResult } from '../../lib';
import { mix32 } from '../../lib/random';
import { readMetrics } from '../../lib/run/metrics-log';
import { jpeg, makeDataset } from '../support/faces';
import { temporaryFolder } from '../support/folder';
import { isRunning } from '../support/launch';
import { LaunchedRun } from '../support/launched-run';
import { checksums, timelessMetrics, tinyConfig, tinyFaces } from '../support/tiny-run';

const root = path.join(__dirname, '..', '..');
/** Seconds after which one that hangs is given up. */
const TIMEOUT = 5;
/** Milliseconds within which all processes must be gone. */
const DOWN_MS = 15_000;
// KAPPA_SLOW_TESTS=1 disturbs as often as a release should stand, and .ci/run does.
const isSlow = process.env['KAPPA_SLOW_TESTS'] === '1';

/** What a run is at when it is disturbed. */
type Moment = 'start' | 'step' | 'checkpoint' | 'verification';
const moments: readonly Moment[] = ['step', 'checkpoint', 'start', 'verification'];

describe('a launched run that is disturbed', function () {
  this.timeout(600_000);
  const folder = temporaryFolder();
  let faces: string;
  const launched: LaunchedRun[] = [];

  before(async function () {
    if (!existsSync(path.join(root, 'dist', 'cli', 'main.js')) || !existsSync('/proc')) this.skip();
    faces = await tinyFaces(path.join(folder, 'cache'));
  });
  afterEach(() => launched.splice(0).forEach((run) => run.kill()));

  const start = (
    output: string,
    { worldSize, epochs, timeout = 120 }: { worldSize: number; epochs: number; timeout?: number },
    flags: readonly string[] = [],
    train: readonly string[] = [],
  ): LaunchedRun => {
    const file = path.join(folder, `${output}.yaml`);
    const config = tinyConfig(faces, path.join(folder, output), {
      train: { epochs, batchSize: 4, logEvery: 1, checkpointEvery: 2, validateEvery: 3 },
    });
    config.distributed.timeout = timeout;
    writeFileSync(file, stringify(config));
    const run = new LaunchedRun(['--nproc-per-node', `${worldSize}`, ...flags, file, ...train]);
    launched.push(run);
    return run;
  };
  const runOf = (output: string): string => path.join(folder, output, 'tiny');
  const lastStep = (output: string): number => {
    const file = path.join(runOf(output), 'metrics.jsonl');
    return existsSync(file) ? (readMetrics(file).at(-1)?.step ?? 0) : 0;
  };
  const isSaving = (output: string): boolean => {
    const checkpoints = path.join(runOf(output), 'checkpoints');
    return existsSync(checkpoints) && readdirSync(checkpoints).some((name) => name.endsWith('.partial'));
  };

  /** Waits for a moment, which is drawn. */
  async function reach(run: LaunchedRun, output: string, moment: Moment, drawn: number): Promise<void> {
    if (moment === 'start') return void (await sleep(drawn % 2_000));
    const from = lastStep(output);
    const next = from + 1 + (drawn % 3);
    await run.until(() => lastStep(output) >= next, 5);
    if (moment === 'checkpoint') await run.until(() => isSaving(output), 1);
    else if (moment === 'verification') await run.until(() => lastStep(output) % 3 === 0, 1);
    else await sleep((drawn >>> 8) % 100);
  }

  /** Sends a signal to a rank again and again; each time all must be gone soon and come again. */
  async function disturb(
    output: string,
    worldSize: number,
    { signal, times, seed }: { signal: NodeJS.Signals; times: number; seed: number },
  ): Promise<LaunchedRun> {
    const hangs = signal === 'SIGSTOP';
    const shape = { worldSize, epochs: 3 * times, ...(hangs ? { timeout: TIMEOUT } : {}) };
    // On a slow machine a rank may be given up that would have come.
    const restarts = hangs ? 3 * times : times;
    const run = start(output, shape, ['--max-restarts', `${restarts}`]);
    for (let time = 0; time < times; time++) {
      await run.until(() => run.ranks().size === worldSize);
      const drawn = mix32(mix32(seed) ^ time);
      const moment = moments[time % moments.length] as Moment;
      await reach(run, output, moment, drawn);
      const ranks = run.ranks();
      const rank = (drawn >>> 16) % worldSize;
      const what = `${signal} to rank ${rank}, time ${time}, ${moment}, step ${lastStep(output)}`;
      const pid = ranks.get(rank);
      assert.ok(pid !== undefined, `${what}: it is not there\n${run.text}`);
      const at = performance.now();
      process.kill(pid, signal);
      await run.until(() => ![...ranks.values()].some(isRunning));
      const took = performance.now() - at;
      const most = DOWN_MS + (hangs ? 1000 * TIMEOUT : 0);
      assert.ok(took < most, `${what}: down after ${took} ms\n${run.text}`);
    }
    return run;
  }

  /** The run of as many ranks and epochs that nobody disturbed. */
  async function whole(worldSize: number, times: number): Promise<string> {
    const name = `whole-${worldSize}-${times}`;
    if (!existsSync(runOf(name))) {
      const run = start(name, { worldSize, epochs: 3 * times });
      assert.equal(await run.ended, 0, run.text);
    }
    return runOf(name);
  }

  async function mustBeTheSame(run: string, other: string): Promise<void> {
    assert.deepEqual(timelessMetrics(run), timelessMetrics(other));
    assert.deepEqual(await checksums(run), await checksums(other));
    const [one, two] = [run, other].map((place) => {
      const {
        folder: _place,
        seconds: _seconds,
        ...rest
      } = JSON.parse(readFileSync(path.join(place, 'result.json'), 'utf8')) as TrainResult;
      return rest;
    });
    assert.deepEqual(one, two);
  }

  for (const { signal, times, worldSize } of [
    { signal: 'SIGKILL', times: isSlow ? 10 : 4, worldSize: 2 },
    { signal: 'SIGKILL', times: isSlow ? 4 : 0, worldSize: 3 },
    { signal: 'SIGSTOP', times: isSlow ? 4 : 1, worldSize: 2 },
  ] as const)
    if (times > 0)
      it(`is down soon, starts again, and ends as if nothing had been (${signal}, ${worldSize} ranks)`, async () => {
        const output = `${signal}-${worldSize}`;
        const run = await disturb(output, worldSize, { signal, times, seed: 7 });
        assert.equal(await run.ended, 0, run.text);
        assert.deepEqual([...run.processes().keys()], []);
        await mustBeTheSame(runOf(output), await whole(worldSize, times));
      });

  it('fails with the cause where no restart is left', async () => {
    const run = start('spent', { worldSize: 2, epochs: 100 }, ['--max-restarts', '1']);
    for (const rank of [0, 1]) {
      await run.until(() => run.ranks().size === 2);
      const from = lastStep('spent');
      await run.until(() => lastStep('spent') > from);
      const ranks = run.ranks();
      process.kill(ranks.get(rank) as number, 'SIGKILL');
      if (rank === 0) await run.until(() => ![...ranks.values()].some(isRunning));
    }
    assert.equal(await run.ended, 1, run.text);
    assert.match(run.text, /error \[ERR_PEER\]: Rank 1 \(node 0, .*, pid \d+\) failed.*: killed by SIGKILL/);
    assert.deepEqual([...run.processes().keys()], []);
  });

  it('stops in the same step on Ctrl-C, with a checkpoint from which it goes on bit for bit', async () => {
    const shape = { worldSize: 2, epochs: 6 };
    const run = start('interrupted', shape);
    await run.until(() => lastStep('interrupted') >= 4);
    run.child.kill('SIGINT');
    assert.equal(await run.ended, 130, run.text);
    const stopped = lastStep('interrupted');
    assert.match(run.text, new RegExp(`Interrupted at step ${stopped}\\. Continue with --resume\\.`));
    assert.match(
      await resolveCheckpoint(path.join(runOf('interrupted'), 'checkpoints', 'last')),
      new RegExp(`step-0*${stopped}$`),
    );
    assert.ok(!existsSync(path.join(runOf('interrupted'), 'result.json')));
    const next = start('interrupted', shape, [], ['--resume']);
    assert.equal(await next.ended, 0, next.text);
    const undisturbed = start('undisturbed', shape);
    assert.equal(await undisturbed.ended, 0, undisturbed.text);
    await mustBeTheSame(runOf('interrupted'), runOf('undisturbed'));
  });

  it('ends with 1 and the name of the rank that met a damaged image', async () => {
    const damaged = await makeDataset(path.join(folder, 'damaged'), [4, 5, 4, 5], (i) =>
      i === 7 ? jpeg(i).subarray(0, 40) : jpeg(i),
    );
    const run = start(
      'damaged',
      { worldSize: 2, epochs: 1 },
      [],
      [...['--set', `data.root=${damaged}`, '--set', 'data.validation=[]', '--set', 'train.batchSize=2']],
    );
    assert.equal(await run.ended, 1, run.text);
    assert.match(
      run.text,
      /error \[ERR_DATA_CORRUPT\]: Rank [01] \(node 0, .*\) failed[^]*Its error: \[ERR_DATA_CORRUPT\] .*image/,
    );
    assert.deepEqual([...run.processes().keys()], []);
  });
});
