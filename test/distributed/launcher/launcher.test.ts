import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { rejects } from '../../support/assert';
import { temporaryFolder } from '../../support/folder';
import { isRunning, TestLaunch, until, workerProgram } from '../../support/launch';

describe('a launcher of one machine', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  const worker = workerProgram(folder);

  it('tells each worker its place, and where all meet', async () => {
    const names = ['RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE', 'GROUP_RANK', 'MASTER_ADDR'];
    const rest = [
      'TORCHELASTIC_RESTART_COUNT',
      'TORCHELASTIC_MAX_RESTARTS',
      'TORCHELASTIC_RUN_ID',
      'KAPPA_ROUND',
    ];
    const body = `say('<' + ${JSON.stringify([...names, ...rest, 'MASTER_PORT'])}.map((name) => env[name]).join() + '>')`;
    const launch = new TestLaunch(worker(body), { processes: 3, maxRestarts: 2 });
    assert.deepEqual(await launch.result, { outcome: 'done' });
    const lines = [...launch.text.matchAll(/<(.*),(\d+)>/g)].map(([, line]) => line).sort();
    const place = (rank: number): string => `${rank},${rank},3,3,0,127.0.0.1,0,2,test,0`;
    assert.deepEqual(lines, [place(0), place(1), place(2)]);
    const ports = new Set([...launch.text.matchAll(/,(\d+)>/g)].map(([, port]) => port));
    assert.equal(ports.size, 1);
  });

  it('gives the workers of one machine the address and port that the user named', async () => {
    const meeting = { kind: 'alone', masterAddress: 'localhost', masterPort: 12345 } as const;
    const launch = new TestLaunch(worker(`say(env.MASTER_ADDR + ' ' + env.MASTER_PORT)`), { meeting });
    await launch.result;
    assert.equal(launch.text, 'localhost 12345\n');
  });

  it("passes rank 0's output on as it is, and marks that of others", async () => {
    const body = `process.stdout.write(rank === 0 ? '50%\\r100%' : 'one\\ntwo'); console.error('err ' + rank)`;
    const launch = new TestLaunch(worker(body), { processes: 2 });
    await launch.result;
    assert.ok(launch.text.includes('50%\r100%'), launch.text);
    for (const line of ['[rank 1] one\n', '[rank 1] two\n', '[rank 1] err 1\n'])
      assert.ok(launch.text.includes(line), launch.text);
    assert.match(launch.text, /(?<!\] )err 0\n/);
  });

  it('writes logs of every attempt and rank, and shows what is asked for', async () => {
    const logs = path.join(folder, 'logs');
    const body = `console.error('err ' + rank + restarts); say('out ' + rank + restarts); process.exitCode = restarts === 0 ? 3 : 0;`;
    const shows = (localRank: number) => ({ stdout: localRank === 1, stderr: false });
    const launch = new TestLaunch(worker(body), { processes: 2, maxRestarts: 1, logFolder: logs, shows });
    await launch.result;
    assert.match(launch.text, /^(\[rank 1\] out 1\d\n)+$/);
    const read = (attempt: number, rank: number, name: string): string =>
      readFileSync(path.join(logs, `attempt_${attempt}`, String(rank), `${name}.log`), 'utf8');
    assert.deepEqual(
      [read(1, 0, 'stdout'), read(1, 0, 'stderr'), read(1, 1, 'stdout'), read(1, 1, 'stderr')],
      ['out 01\n', 'err 01\n', 'out 11\n', 'err 11\n'],
    );
    assert.ok(existsSync(path.join(logs, 'attempt_0', '1', 'stderr.log')));
  });

  it('goes on where its logs cannot be written, and says so once', async () => {
    const launch = new TestLaunch(worker(`say('well')`), { processes: 2, logFolder: '/dev/null/logs' });
    assert.deepEqual(await launch.result, { outcome: 'done' });
    assert.deepEqual(launch.messages.filter((text) => text.includes('cannot be written')).length, 1);
    assert.match(launch.text, /^well$/m);
  });

  it('starts all anew after a failure, as often as allowed, and tells the cause', async () => {
    const body = `say('start ' + rank + ' ' + restarts + ' ' + round);
      if (rank === 1 && restarts < 2) { console.error('a last word'); process.exit(3); }
      if (restarts < 2) stay();`;
    const launch = new TestLaunch(worker(body), { processes: 3, maxRestarts: 2 });
    assert.deepEqual(await launch.result, { outcome: 'done' });
    for (const rank of [0, 1, 2]) assert.ok(launch.text.includes(`start ${rank} 2 2\n`), launch.text);
    assert.match(
      launch.messages.join('\n'),
      /^Rank 1 \(node 0, [^,]+, pid \d+\) failed: exit code 3\.\nIts last lines:\n {2}a last word\nStarting all anew: restart 1 of 2\./,
    );
  });

  it('fails with the cause where no restart is left, and leaves no process', async () => {
    const body = `say('pid ' + process.pid + ';'); if (rank === 2) { link.reportProgress(41); setTimeout(() => { throw new Error('broke') }, 200); } else stay();`;
    const launch = new TestLaunch(worker(body), { processes: 3, maxRestarts: 1 });
    await rejects(
      launch.result,
      'ERR_PEER',
      /^Rank 2 \(.*\) failed after step 41: exit code 1\.\nIts last lines:\n[^]*Error: broke\n[^]*No restart of 1 is left\.$/,
    );
    const pids = [...launch.text.matchAll(/pid (\d+);/g)].map(([, pid]) => Number(pid));
    assert.equal(pids.length, 6);
    assert.deepEqual(pids.filter(isRunning), []);
  });

  it('names a rank that was killed, and ends one that is stopped and takes no signal', async () => {
    const body = `say('pid' + rank + ' ' + process.pid + ';'); stay();`;
    const launch = new TestLaunch(worker(body), { processes: 3 });
    const pids: number[] = [];
    for (const rank of [0, 1, 2])
      pids.push(Number((await launch.shows(new RegExp(`pid${rank} (\\d+);`)))[1]));
    process.kill(pids[2]!, 'SIGSTOP');
    process.kill(pids[1]!, 'SIGKILL');
    await rejects(
      launch.result,
      'ERR_PEER',
      /^Rank 1 \(.*\) failed: killed by SIGKILL[^]*Rank 2 did not end on SIGTERM and had to be killed/,
    );
    assert.deepEqual(pids.filter(isRunning), []);
  });

  it('takes what a worker reports for its error, and its code', async () => {
    const body = `if (rank === 1) link.reportFailure({ code: 'ERR_NOT_FINITE', message: 'the loss is NaN' }).then(() => process.exit(1)); else stay();`;
    const launch = new TestLaunch(worker(body), { processes: 2 });
    await rejects(
      launch.result,
      'ERR_NOT_FINITE',
      /^Rank 1 .*\nIts error: \[ERR_NOT_FINITE\] the loss is NaN/,
    );
  });

  it('tells consequences from the cause, whichever is told first', async () => {
    // Ranks 0 and 2 lose sight of rank 1 before the launcher hears that it died.
    const body = `if (rank === 1) setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);
      else { link.reportFailure({ code: rank === 0 ? 'ERR_PEER' : 'ERR_TIMEOUT', message: 'connection closed' }); stay(); }`;
    const launch = new TestLaunch(worker(body), { processes: 3 });
    await rejects(launch.result, 'ERR_PEER', /^Rank 1 .* killed by SIGKILL/);
  });

  it('takes a consequence for the cause where there is nothing else', async () => {
    const body = `if (rank === 1) link.reportFailure({ code: 'ERR_TIMEOUT', message: 'all-reduce took 30 s' }); stay();`;
    const launch = new TestLaunch(worker(body), { processes: 2 });
    await rejects(
      launch.result,
      'ERR_TIMEOUT',
      /^Rank 1 .* failed: it told of an error\.\nIts error: \[ERR_TIMEOUT\] all-reduce took 30 s/,
    );
  });

  it('passes a signal on and is interrupted when all have ended', async () => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const body = `process.on('${signal}', () => setTimeout(() => { say('saved ' + rank); process.exit(${code}); }, 100)); say('ready ' + rank); stay();`;
      const launch = new TestLaunch(worker(body), { processes: 2, maxRestarts: 3 });
      await launch.shows(/ready 0[^]*ready 1|ready 1[^]*ready 0/);
      launch.launcher.interrupt(signal);
      assert.deepEqual(await launch.result, { outcome: 'interrupted', signal });
      assert.match(launch.text, /saved 0/);
      assert.match(launch.text, /saved 1/);
    }
  });

  it('is done where all end with 0 after a signal, and failed where one crashes', async () => {
    const body = (end: string): string => `process.on('SIGTERM', () => { ${end} }); say('ready'); stay();`;
    const done = new TestLaunch(worker(body('process.exit(0)')));
    await done.shows(/ready/);
    done.launcher.interrupt('SIGTERM');
    assert.deepEqual(await done.result, { outcome: 'done' });
    const crashed = new TestLaunch(worker(body(`process.kill(process.pid, 'SIGABRT')`)), { maxRestarts: 3 });
    await crashed.shows(/ready/);
    crashed.launcher.interrupt('SIGTERM');
    await rejects(crashed.result, 'ERR_PEER', /killed by SIGABRT/);
  });

  it('ends what a worker left behind', async () => {
    const body = `const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' }); say('child ' + child.pid + ';'); setTimeout(() => process.exit(0), 100);`;
    const launch = new TestLaunch(worker(body));
    assert.deepEqual(await launch.result, { outcome: 'done' });
    const [, pid] = /child (\d+);/.exec(launch.text)!;
    // It is killed by now; the system may still be about to let it go.
    await until(() => !isRunning(Number(pid)));
  });

  it('says why a worker cannot be started', async () => {
    const launch = new TestLaunch([path.join(folder, 'nothing-here')], { processes: 2 });
    await rejects(launch.result, 'ERR_PEER', /could not be started \(spawn .*ENOENT\)/);
  });

  it('is held up by a slow terminal, and not by a broken one', async () => {
    const body = `for (let i = 0; i < 3000; i++) say('x'.repeat(1000));`;
    const slow = new TestLaunch(worker(body));
    slow.stdout.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(slow.stdout.readableLength < 1_000_000, `${slow.stdout.readableLength} bytes are in memory`);
    slow.stdout.resume();
    await slow.result;
    assert.equal(slow.text.length, 3000 * 1001);
    const broken = new TestLaunch(worker(body));
    broken.stdout.destroy();
    assert.deepEqual(await broken.result, { outcome: 'done' });
  });
});
