import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rejects } from '../../support/assert';
import { temporaryFolder } from '../../support/folder';
import {
  isRunning,
  startLauncher,
  staticNodes,
  TestLaunch,
  testTimes,
  until,
  workerProgram,
} from '../../support/launch';

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
