import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { temporaryFolder } from '../../support/folder';
import { startLauncher, testTimes, until, workerProgram, type NodePlan } from '../../support/launch';
import { NamespacePair } from '../../support/namespaces';

describe('launchers on two machines (network namespaces)', function () {
  this.timeout(120_000);
  const worker = workerProgram(temporaryFolder());
  let machines: NamespacePair;
  before(function () {
    // Only root may make them, where the system has them.
    if (!NamespacePair.isPossible()) return this.skip();
    machines = new NamespacePair();
  });
  after(() => machines?.remove());
  const started: ChildProcess[] = [];
  afterEach(() => started.splice(0).forEach((child) => child.kill('SIGKILL')));

  const times = { ...testTimes, silence: 3_000, connect: 3_000, lastCall: 2_000 };
  const body = `process.on('SIGTERM', () => process.exit(143));
    say('<' + [rank, world, round, restarts, env.MASTER_ADDR, env.KAPPA_NODE_ADDR].join() + '>'); stay();`;
  const start = (plan: (machine: 0 | 1) => NodePlan) =>
    ([0, 1] as const).map((machine) => {
      const launch = startLauncher(worker(body), { times, processes: 1, ...plan(machine) }, (line) =>
        machines.on(machine, line),
      );
      started.push(launch.child);
      return launch;
    });
  const [first, second] = ['10.77.0.1', '10.77.0.2'];

  it('meet, lose each other, go on without, and come together again', async () => {
    const meeting = { kind: 'elastic', host: first, port: 29400 } as const;
    const [a, b] = start(() => ({
      nodes: { min: 1, max: 2 },
      times: { ...times, lastCall: 8_000 },
      meeting,
    }));
    assert.ok(a && b);
    // Addresses are those at which each is reached by the other.
    await until(() => a.text().includes(`<0,2,0,0,${first},${first}>`));
    await until(() => b.text().includes(`<1,2,0,0,${first},${second}>`));
    machines.cut();
    await until(() => /Lost node 1 \(.*10\.77\.0\.2\): /.test(a.text()));
    await until(() => /Lost the launcher of node 0 at 10\.77\.0\.1:29400: /.test(b.text()));
    await until(() => /<0,1,1,0,/.test(a.text()));
    machines.mend();
    await until(() => a.text().includes(`<0,2,2,0,${first},${first}>`));
    await until(() => b.text().includes(`<1,2,2,0,${first},${second}>`));
    const ended = [a, b].map(({ child }) => once(child, 'exit'));
    a.child.kill('SIGTERM');
    await Promise.all(ended);
    for (const { text } of [a, b]) assert.match(text(), /outcome interrupted\n$/);
  });

  it('both fail with a named error where their number is fixed and the cable is cut', async () => {
    const [a, b] = start((nodeRank) => ({
      nodes: { min: 2, max: 2 },
      times: { ...times, join: 6_000 },
      meeting: { kind: 'static', nodeRank, host: first, port: 29500 },
    }));
    assert.ok(a && b);
    await until(() => a.text().includes('<0,2,0,0') && b.text().includes('<1,2,0,0'));
    machines.cut();
    await Promise.all([a, b].map(({ child }) => once(child, 'exit')));
    machines.mend();
    assert.match(a.text(), /error ERR_PEER Lost node 1 \(.*10\.77\.0\.2\): /);
    assert.match(
      b.text(),
      /error ERR_TIMEOUT The launcher of node 0 was not reached at 10\.77\.0\.1:29500 within 6 s: /,
    );
  });
});
