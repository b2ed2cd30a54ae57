import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { stringify } from 'yaml';

import type { TrainResult } from '../../lib';
import { temporaryFolder } from '../support/folder';
import { timelessMetrics, tinyConfig, tinyFaces } from '../support/tiny-run';

const kappa = path.join(__dirname, '../../bin/kappa.js');

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

/** Runs the compiled `kappa train` and sends it a signal when its output matches, or after some time. */
function trainProcess(
  args: string[],
  stop?: { signal: NodeJS.Signals; when: RegExp | number },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [kappa, 'train', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    let timer: NodeJS.Timeout | undefined;
    let sent = false;
    if (typeof stop?.when === 'number') timer = setTimeout(() => child.kill(stop.signal), stop.when);
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (stop?.when instanceof RegExp && !sent && stop.when.test(stderr)) {
        sent = true;
        child.kill(stop.signal);
      }
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stderr });
    });
  });
}

describe('a run that is stopped from outside', function () {
  this.timeout(600_000);
  const folder = temporaryFolder();
  let runs = 0;
  let faces: string;
  const configFile = (epochs: number): { file: string; run: string } => {
    const output = path.join(folder, `out${runs++}`);
    const config = tinyConfig(faces, output, {
      head: { concentration: { kind: 'momentum' } },
      train: { epochs, batchSize: 8, checkpointEvery: 2, validateEvery: 7 },
    });
    const file = path.join(folder, `config${runs}.yaml`);
    writeFileSync(file, stringify(config));
    return { file, run: path.join(output, 'tiny') };
  };

  before(async () => {
    faces = await tinyFaces(path.join(folder, 'cache'));
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`writes a checkpoint on ${signal}, leaves with ${code}, and goes on from there`, async () => {
      const { file, run } = configFile(40);
      const ended = await trainProcess([file], { signal, when: /Run folder/ });
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, /Continue with --resume/);
      assert.ok(existsSync(path.join(run, 'checkpoints', 'last')));
      assert.ok(!existsSync(path.join(run, 'result.json')));
      const resumed = await trainProcess([file, '--resume', '--set', 'train.epochs=1']);
      assert.equal(resumed.code, 0, resumed.stderr);
      assert.match(resumed.stderr, /Resumed from .*step-\d{8}, step \d+/);
    });
  }

  it('ends with the same metrics, bit for bit, after ten SIGKILLs at random moments', async () => {
    const undisturbed = configFile(8);
    assert.equal((await trainProcess([undisturbed.file])).code, 0);
    let killed = configFile(8);
    const startedAt = Date.now();
    const probe = configFile(1);
    assert.equal((await trainProcess([probe.file])).code, 0);
    let span = Date.now() - startedAt; // start-up and an epoch: kills fall into both
    let kills = 0;
    while (kills < 10) {
      const ended = await trainProcess([killed.file, '--resume'], {
        signal: 'SIGKILL',
        when: Math.random() * span * 1.2,
      });
      if (ended.signal !== 'SIGKILL') {
        assert.equal(ended.code, 0, ended.stderr);
        if (kills >= 3) break; // it was done before the kill
        // The machine was slower when the epoch was timed: another run, killed earlier.
        [killed, kills, span] = [configFile(8), 0, span / 2];
        continue;
      }
      kills += 1;
    }
    const last = await trainProcess([killed.file, '--resume']);
    assert.equal(last.code, 0, last.stderr);
    assert.ok(kills >= 3, `only ${kills} kills`);
    assert.deepEqual(timelessMetrics(killed.run), timelessMetrics(undisturbed.run));
    const result = (run: string): Partial<TrainResult> => {
      const {
        seconds: _seconds,
        folder: _folder,
        ...rest
      } = JSON.parse(readFileSync(path.join(run, 'result.json'), 'utf8')) as TrainResult;
      return rest;
    };
    assert.deepEqual(result(killed.run), result(undisturbed.run));
    const leftovers = readdirSync(path.join(killed.run, 'checkpoints')).filter((name) =>
      name.includes('.partial'),
    );
    assert.deepEqual(leftovers, [], 'what kills left behind is gone');
  });
});
