import assert from 'node:assert/strict';
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

describe('launchers of several nodes', function () {
  this.timeout(120_000);
  const worker = workerProgram(temporaryFolder());
  const launchAll = (nodes: readonly NodePlan[], body: string): TestLaunch[] =>
    nodes.map((node) => new TestLaunch(worker(body), node));
  const place = `say('<' + [rank, env.LOCAL_RANK, world, env.LOCAL_WORLD_SIZE, env.GROUP_RANK, restarts, env.MASTER_PORT].join() + '>');`;
  const placesOf = (launches: readonly TestLaunch[]): string[] =>
    launches.flatMap(({ text }) => [...text.matchAll(/<([^>]*),\d+>/g)].map(([, line]) => line!)).sort();

  it('start together with ranks by node, however many workers each has', async () => {
    const nodes = await staticNodes(3);
    // The last one is there first, and waits.
    const launches = launchAll(
      nodes.map((node, i) => ({ ...node, processes: i === 1 ? 1 : 2 })).reverse(),
      place,
    );
    for (const { result } of launches) assert.deepEqual(await result, { outcome: 'done' });
    assert.deepEqual(placesOf(launches), [
      '0,0,5,2,0,0',
      '1,1,5,2,0,0',
      '2,0,5,1,1,0',
      '3,0,5,2,2,0',
      '4,1,5,2,2,0',
    ]);
    const ports = new Set(
      launches.flatMap(({ text }) => [...text.matchAll(/,(\d+)>/g)].map(([, port]) => port)),
    );
    assert.equal(ports.size, 1);
    assert.doesNotMatch(launches[2]!.text, /^\[rank 0\]/m);
    assert.match(launches[0]!.text, /^\[rank 3\] <3/m);
  });

  it('find their ranks where the first at the address serves', async () => {
    const launches = launchAll(await elasticNodes(2, { min: 2, max: 2 }), place);
    for (const { result } of launches) assert.deepEqual(await result, { outcome: 'done' });
    assert.deepEqual(placesOf(launches), ['0,0,2,1,0,0', '1,0,2,1,1,0']);
  });

  it('all tell the cause of a failure on one of them, and start anew together', async () => {
    const body = `${place} if (rank === 1 && restarts === 0) { console.error('its last word'); process.exit(9); } if (restarts === 0) stay();`;
    const launches = launchAll(await staticNodes(2, { maxRestarts: 1 }), body);
    for (const launch of launches) {
      assert.deepEqual(await launch.result, { outcome: 'done' });
      assert.match(
        launch.messages.join('\n'),
        /Rank 1 \(node 1, .*\) failed: exit code 9\.\nIts last lines:\n {2}its last word\nStarting all anew: restart 1 of 1/,
      );
    }
    assert.deepEqual(
      placesOf(launches).filter((line) => line.endsWith('1')),
      ['0,0,2,1,0,1', '1,0,2,1,1,1'],
    );
  });

  it('all fail with the cause where no restart is left', async () => {
    const body = `if (rank === 2) link.reportFailure({ code: 'ERR_DATA_CORRUPT', message: 'image 17' }).then(() => process.exit(1)); else stay();`;
    const launches = launchAll(await staticNodes(2, { processes: 2 }), body);
    for (const { result } of launches)
      await rejects(result, 'ERR_DATA_CORRUPT', /^Rank 2 \(node 1, [^]*\[ERR_DATA_CORRUPT\] image 17/);
  });

  it('are all interrupted by a signal on one', async () => {
    const body = `process.on('SIGINT', () => { say('saved'); process.exit(130); }); say('ready'); stay();`;
    const launches = launchAll(await staticNodes(2), body);
    for (const launch of launches) await launch.shows(/ready/);
    launches[1]!.launcher.interrupt('SIGINT');
    for (const launch of launches) {
      assert.deepEqual(await launch.result, { outcome: 'interrupted', signal: 'SIGINT' });
      assert.match(launch.text, /saved/);
    }
  });

  it('go on without one that is interrupted, and with one that comes, where their number is a range', async () => {
    const body = `${place} process.on('SIGTERM', () => process.exit(143)); say('ready ' + world + ' ' + round); stay();`;
    const [first, second, third] = await elasticNodes(3, { min: 1, max: 2 });
    const a = new TestLaunch(worker(body), first);
    await a.shows(/ready 1 0/);
    // A second one comes: the first writes a checkpoint and begins a round with it.
    const b = new TestLaunch(worker(body), second);
    await b.shows(/ready 2 1/);
    await a.shows(/ready 2 1/);
    b.launcher.interrupt('SIGTERM');
    assert.deepEqual(await b.result, { outcome: 'interrupted', signal: 'SIGTERM' });
    await a.shows(/ready 1 2/);
    const c = new TestLaunch(worker(body), third);
    await c.shows(/ready 2 3/);
    await a.shows(/ready 2 3/);
    // No restart was counted.
    assert.ok(placesOf([a]).every((line) => line.endsWith(',0')));
    a.launcher.interrupt('SIGTERM');
    for (const { result } of [a, c])
      assert.deepEqual(await result, { outcome: 'interrupted', signal: 'SIGTERM' });
  });

  it('fail with a named error where too few come', async () => {
    const times = { ...testTimes, join: 700 };
    const [first] = await staticNodes(3, { times });
    const launch = new TestLaunch(worker(''), first);
    await rejects(launch.result, 'ERR_TIMEOUT', /^Only 1 of 3 nodes came within 0\.7 s: node 0 \(/);
    const [, second] = await staticNodes(2, { times });
    const alone = new TestLaunch(worker(''), second);
    await rejects(
      alone.result,
      'ERR_TIMEOUT',
      /node 0 was not reached at 127\.0\.0\.1:\d+ within 0\.7 s: .*ECONNREFUSED/,
    );
    await alone.tells(/^Waiting for the launcher of node 0 at 127\.0\.0\.1:\d+: connect ECONNREFUSED/);
  });

  it('can be interrupted while they wait for others', async () => {
    const [first, second] = await staticNodes(2);
    const waiting = new TestLaunch(worker(''), first);
    await waiting.tells(/Waiting for nodes: 1 of 2/);
    waiting.launcher.interrupt('SIGINT');
    assert.deepEqual(await waiting.result, { outcome: 'interrupted', signal: 'SIGINT' });
    const lonely = new TestLaunch(worker(''), second);
    await lonely.tells(/Waiting for the launcher/);
    lonely.launcher.interrupt('SIGTERM');
    assert.deepEqual(await lonely.result, { outcome: 'interrupted', signal: 'SIGTERM' });
  });

  for (const [what, change, code, message] of [
    [
      'another run',
      { runId: 'other' },
      'ERR_CONFIG',
      /belongs to the run "other", but here is the run "test"/,
    ],
    ['another version', { version: '9.9.9' }, 'ERR_VERSION', /kappaface 9\.9\.9 .*this run is of 1\.2\.3/],
    [
      'another number of nodes',
      { nodes: { min: 1, max: 2 } },
      'ERR_CONFIG',
      /--nnodes 1:2 .*here they are 2 and 0/,
    ],
  ] as const)
    it(`refuse a launcher of ${what}, and wait on`, async () => {
      const [first, second] = await staticNodes(2);
      const a = new TestLaunch(worker(place), first);
      await a.tells(/Waiting for nodes: 1 of 2/);
      await rejects(new TestLaunch(worker(''), { ...second, ...change }).result, code, message);
      const b = new TestLaunch(worker(place), second);
      for (const { result } of [a, b]) assert.deepEqual(await result, { outcome: 'done' });
    });

  it('refuse a node rank that another one has', async () => {
    const nodes = await staticNodes(3);
    const launches = launchAll(nodes.slice(0, 2), place);
    await launches[0]!.tells(/Waiting for nodes: 2 of 3/);
    await rejects(
      new TestLaunch(worker(''), nodes[1]).result,
      'ERR_CONFIG',
      /--node-rank 1, which .* has already/,
    );
    // Node rank 0 would serve, and its port is taken.
    await rejects(new TestLaunch(worker(''), nodes[0]).result, 'ERR_CONFIG', /the port is taken/);
    launches.push(new TestLaunch(worker(place), nodes[2]));
    for (const { result } of launches) assert.deepEqual(await result, { outcome: 'done' });
  });

  it('say which of two nodes does not reach the other', async () => {
    const nodes = await staticNodes(2, { times: { ...testTimes, connect: 1_000 } });
    // An address for documentation, at which nobody is.
    const launches = launchAll([nodes[0]!, { ...nodes[1], localAddress: '192.0.2.1' }], '');
    for (const { result } of launches)
      await rejects(
        result,
        'ERR_PEER',
        /^Nodes do not reach each other:\nnode 0 \(.*127\.0\.0\.1\) does not reach node 1 \(.*, 192\.0\.2\.1:\d+\): /,
      );
  });
});
