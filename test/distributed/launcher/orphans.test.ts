import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { rejects } from '../../support/assert';
import { temporaryFolder } from '../../support/folder';
import {
  isRunning,
  staticNodes,
  TestLaunch,
  testTimes,
  workerProgram,
  type NodePlan,
} from '../../support/launch';

const root = path.join(__dirname, '..', '..', '..');

/** Starts a launcher in a process of its own; what it shows is in `text`. */
function startLauncher(
  command: readonly string[],
  plan: NodePlan,
): { child: ChildProcess; text: () => string } {
  const script = `
    const { Launcher } = require('./lib/distributed/launcher/launcher');
    const plan = JSON.parse(process.argv[1]);
    new Launcher({ env: process.env, processes: 2, nodes: { min: 1, max: 1 }, meeting: { kind: 'alone' }, runId: 'test', maxRestarts: 0,
      version: '1.2.3', shows: () => ({ stdout: true, stderr: true }), stdout: process.stdout, stderr: process.stderr,
      onMessage: (text) => console.log(text), ...plan }).run().then(console.log, console.log);`;
  const child = spawn(
    process.execPath,
    [
      '-r',
      require.resolve('ts-node/register/transpile-only'),
      '-e',
      script,
      JSON.stringify({ ...plan, command }),
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (data: string) => (text += data));
  return { child, text: () => text };
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(20);
}

describe('a launcher that is killed', function () {
  this.timeout(60_000);
  const worker = workerProgram(temporaryFolder());
  const body = `say('pid ' + process.pid + ';'); stay();`;
  const pidsOf = (text: string): number[] => [...text.matchAll(/pid (\d+);/g)].map(([, pid]) => Number(pid));

  it('leaves no orphan', async () => {
    const { child, text } = startLauncher(worker(body), {});
    await until(() => pidsOf(text()).length === 2);
    const pids = pidsOf(text());
    assert.deepEqual(pids.map(isRunning), [true, true]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until(() => !pids.some(isRunning));
  });

  it('leaves no orphan where its workers are silent and write into pipes that nobody reads', async () => {
    const busy = `say('pid ' + process.pid + ';'); setInterval(() => say('x'.repeat(1000)), 5);`;
    const { child, text } = startLauncher(worker(busy), {});
    await until(() => pidsOf(text()).length === 2);
    child.kill('SIGKILL');
    await until(() => !pidsOf(text()).some(isRunning));
  });

  it('ends the run on other nodes where it served the rendezvous', async () => {
    const nodes = await staticNodes(2, { processes: 1, times: { ...testTimes, silence: 3_000 } });
    const { child, text } = startLauncher(worker(body), nodes[0]!);
    const other = new TestLaunch(worker(body), nodes[1]);
    await other.shows(/pid \d+;/);
    await until(() => pidsOf(text()).length === 1);
    child.kill('SIGKILL');
    await rejects(
      other.result,
      'ERR_PEER',
      /^The launcher of node 0 at 127\.0\.0\.1:\d+ has ended, and with it the run\.$/,
    );
    assert.match(other.messages.join('\n'), /Lost the launcher of node 0/);
    assert.deepEqual([...pidsOf(other.text), ...pidsOf(text())].filter(isRunning), []);
  });

  it('ends the run of a fixed number of nodes, and names the node', async () => {
    const nodes = await staticNodes(2, { processes: 1 });
    const first = new TestLaunch(worker(body), nodes[0]);
    const { child, text } = startLauncher(worker(body), nodes[1]!);
    await first.shows(/pid \d+;/);
    await until(() => pidsOf(text()).length === 1);
    child.kill('SIGKILL');
    await rejects(first.result, 'ERR_PEER', /^Lost node 1 \(.*, 127\.0\.0\.1\): .*\.$/);
    await until(() => !pidsOf(text()).some(isRunning));
  });
});
