import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { holdLock, lockHolder, withLock } from '../../lib/files/lock';
import type { LockHolder } from '../../lib/files/lock';
import { rejects } from '../support/assert';
import { temporaryFolder } from '../support/folder';

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('the lock', () => {
  let file: string;
  beforeEach(() => (file = path.join(temporaryFolder(), 'deep', 'x.lock')));

  it('lets one in at a time, and is gone at the end', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(file, work, { pollMs: 1 })));
    assert.equal(most, 1);
    assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
  });

  it('is released when the work fails', async () => {
    await assert.rejects(
      withLock(file, () => Promise.reject(new Error('work'))),
      /work/,
    );
    assert.equal(await withLock(file, async () => 7), 7);
  });

  it('takes over the lock of a dead process, of a reused pid, and an unreadable one', async () => {
    fs.mkdirSync(path.dirname(file));
    const host = os.hostname();
    const stale = [JSON.stringify({ pid: deadPid(), host }), 'not JSON', ''];
    if (process.platform === 'linux') stale.push(JSON.stringify({ pid: process.pid, host, started: '1' }));
    for (const content of stale) {
      fs.writeFileSync(file, content);
      assert.equal(await withLock(file, async () => 'in', { pollMs: 1 }), 'in', content);
    }
    assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
  });

  it('waits for a living process, says so once, and can be cancelled', async () => {
    fs.mkdirSync(path.dirname(file));
    const content = JSON.stringify({ pid: process.ppid, host: os.hostname() });
    fs.writeFileSync(file, content);
    const controller = new AbortController();
    const waits: number[] = [];
    const waiting = withLock(file, async () => undefined, {
      pollMs: 1,
      signal: controller.signal,
      onWait: ({ pid }) => {
        waits.push(pid);
        setTimeout(() => controller.abort(), 20);
      },
    });
    await assert.rejects(waiting, { code: 'ERR_CANCELLED' });
    assert.deepEqual(waits, [process.ppid]);
    assert.equal(fs.readFileSync(file, 'utf8'), content);
  });

  it("takes over another machine's lock only when nobody refreshes it", async () => {
    fs.mkdirSync(path.dirname(file));
    fs.writeFileSync(file, JSON.stringify({ pid: 1, host: 'another-machine' }));
    let waited = false;
    const options = { pollMs: 1, abandonedMs: 20, onWait: () => void (waited = true) };
    assert.equal(await withLock(file, async () => 'in', options), 'in');
    assert.ok(waited);
  });

  it('is refused at once while its process runs, and names it', async () => {
    const lock = await holdLock(file, 'The run x');
    assert.equal(lockHolder(file)?.pid, process.pid);
    await rejects(
      holdLock(file, 'The run x', { pollMs: 1 }),
      'ERR_LOCKED',
      new RegExp(`The run x is in use by process ${process.pid} on ${os.hostname()}, since \\d{4}-`),
    );
    lock.release();
    lock.release();
    assert.equal(lockHolder(file), undefined);
    (await holdLock(file, 'The run x')).release();
  });

  it('of another machine is refused once it is refreshed, and taken over when it is not', async () => {
    const content = JSON.stringify({ pid: 1, host: 'elsewhere' });
    fs.mkdirSync(path.dirname(file));
    fs.writeFileSync(file, content);
    let looks = 0;
    const onWait = (): void => {
      if (++looks === 2) fs.utimesSync(file, new Date(), new Date(Date.now() + 5000));
    };
    await rejects(holdLock(file, 'It', { pollMs: 1, onWait }), 'ERR_LOCKED', /process 1 on elsewhere/);
    const taken: string[] = [];
    const options = { pollMs: 1, abandonedMs: 20, onTakeOver: ({ host }: LockHolder) => taken.push(host) };
    (await holdLock(file, 'It', options)).release();
    assert.deepEqual(taken, ['elsewhere']);
  });
});
