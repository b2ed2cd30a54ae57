import assert from 'node:assert/strict';
import type { LauncherTimes } from '../../../lib/distributed/launcher/times';
import { rejects } from '../../support/assert';
import { temporaryFolder } from '../../support/folder';
import {
  elasticNodes,
  staticNodes,
  TestLaunch,
  testTimes,
  workerProgram,
  type NodePlan,
} from '../../support/launch';
import { TcpProxy } from '../../support/tcp-proxy';

describe('a node that is cut off', function () {
  this.timeout(120_000);
  const worker = workerProgram(temporaryFolder());
  const proxies: TcpProxy[] = [];
  after(() => proxies.forEach((proxy) => proxy.close()));
  const times: LauncherTimes = { ...testTimes, silence: 3_000, connect: 3_000 };

  /** Puts a link that can be cut between a node and the rendezvous. */
  async function behindProxy({ meeting, ...plan }: NodePlan): Promise<[NodePlan, TcpProxy]> {
    assert.ok(meeting && meeting.kind !== 'alone');
    const proxy = await TcpProxy.open(meeting.port);
    proxies.push(proxy);
    return [{ ...plan, meeting: { ...meeting, port: proxy.port } }, proxy];
  }
  const untilSignal = `process.on('SIGTERM', () => process.exit(143)); say('ready ' + world + ' ' + round + ' ' + restarts); stay();`;

  it('is gone on without, where the number is a range, and joins the next round', async () => {
    const [first, second] = await elasticNodes(
      2,
      { min: 1, max: 2 },
      { times: { ...times, lastCall: 30_000 } },
    );
    const port = (first!.meeting as { port: number }).port;
    const a = new TestLaunch(worker(untilSignal), first);
    await a.tells(/Waiting for nodes: 1 of 2/);
    // Static, so that it does not serve at its end of the link.
    const [behind, proxy] = await behindProxy({
      ...second,
      meeting: { kind: 'static', nodeRank: 1, host: '127.0.0.1', port },
    });
    const b = new TestLaunch(worker(untilSignal), behind);
    for (const launch of [a, b]) await launch.shows(/ready 2 0 0/);
    proxy.cut();
    await a.tells(/^Lost node 1 \(.*\): nothing was heard of it for 3 s\.$/m);
    await b.tells(/^Lost the launcher of node 0 at 127\.0\.0\.1:\d+: nothing was heard of it for 3 s\.$/m);
    // With the last call far away, it waits for the other to come back.
    proxy.mend();
    proxy.break();
    for (const launch of [a, b]) await launch.shows(/ready 2 1 0/);
    a.launcher.interrupt('SIGTERM');
    for (const { result } of [a, b])
      assert.deepEqual(await result, { outcome: 'interrupted', signal: 'SIGTERM' });
  });

  it('for good: with a range the others go on, without counting a restart', async () => {
    const [first, second] = await elasticNodes(2, { min: 1, max: 2 }, { times });
    const port = (first!.meeting as { port: number }).port;
    // Its workers fail, as those of a node do that lost sight of another.
    const body = `if (world === 2 && rank === 0) process.on('SIGUSR2', () => link.reportFailure({ code: 'ERR_PEER', message: 'closed' }));
      process.on('SIGTERM', () => process.exit(143)); say('ready ' + world + ' ' + round + ' ' + restarts + ' pid ' + process.pid + ';'); if (world === 2) stay();`;
    const a = new TestLaunch(worker(body), { ...first, times: { ...times, lastCall: 2_000 } });
    await a.tells(/Waiting for nodes: 1 of 2/);
    const [behind, proxy] = await behindProxy({
      ...second,
      meeting: { kind: 'static', nodeRank: 1, host: '127.0.0.1', port },
    });
    const b = new TestLaunch(worker(body), behind);
    const [, pid] = await a.shows(/ready 2 0 0 pid (\d+);/);
    await b.shows(/ready 2 0 0/);
    proxy.cut();
    process.kill(Number(pid), 'SIGUSR2');
    // Nothing is told to the second any more; the first goes on alone, and is done.
    assert.deepEqual(await a.result, { outcome: 'done' });
    assert.match(a.text, /ready 1 1 0/);
    await b.tells(/^Lost the launcher/m);
    b.launcher.interrupt('SIGINT');
    assert.deepEqual(await b.result, { outcome: 'interrupted', signal: 'SIGINT' });
  });

  it('is waited for where the number is fixed and a restart is left', async () => {
    const [first, second] = await staticNodes(2, { times, maxRestarts: 1 });
    const [behind, proxy] = await behindProxy(second!);
    const body = `say('ready ' + world + ' ' + round + ' ' + restarts); if (restarts === 0) stay();`;
    const launches = [first!, behind].map((plan) => new TestLaunch(worker(body), plan));
    for (const launch of launches) await launch.shows(/ready 2 0 0/);
    proxy.break();
    for (const launch of launches) assert.deepEqual(await launch.result, { outcome: 'done' });
    assert.match(launches[1]!.text, /ready 2 1 1/);
    assert.match(
      launches[0]!.messages.join('\n'),
      /Lost node 1 \(.*\): .*\nStarting all anew: restart 1 of 1/,
    );
  });

  it('ends the run where the number is fixed and no restart is left, on both sides', async () => {
    const [first, second] = await staticNodes(2, { times });
    const [behind, proxy] = await behindProxy(second!);
    const launches = [first!, behind].map((plan) => new TestLaunch(worker(untilSignal), plan));
    for (const launch of launches) await launch.shows(/ready 2 0 0/);
    proxy.close();
    await rejects(
      launches[0]!.result,
      'ERR_PEER',
      /^Lost node 1 \(.*\): it(s launcher)? closed the connection\.$/,
    );
    await rejects(
      launches[1]!.result,
      'ERR_PEER',
      /^The launcher of node 0 at .* has ended, and with it the run\.$/,
    );
  });

  it('fails where it does not come back in time', async () => {
    const [first, second] = await staticNodes(2, { times: { ...times, join: 1_500 }, maxRestarts: 3 });
    const [behind, proxy] = await behindProxy(second!);
    const launches = [first!, behind].map((plan) => new TestLaunch(worker(untilSignal), plan));
    for (const launch of launches) await launch.shows(/ready 2 0 0/);
    proxy.cut();
    proxy.break();
    await rejects(launches[0]!.result, 'ERR_TIMEOUT', /^Only 1 of 2 nodes came within 1\.5 s: /);
    await rejects(launches[1]!.result, 'ERR_TIMEOUT', /node 0 was not reached at .* within 1\.5 s: /);
  });
});
