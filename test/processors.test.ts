import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { defaultWorkers } from '../lib/data/loader/options';
import { cpuQuota, usableProcessors } from '../lib/processors';

/** A file system of these files alone. */
const files =
  (content: Record<string, string>) =>
  (file: string): string =>
    content[file] ?? '';

describe('the processors of a process', () => {
  it('are all it may run on where no control group limits it', () => {
    assert.equal(cpuQuota(files({})), undefined);
    assert.equal(usableProcessors(files({}), 8), 8);
    const unlimited = files({
      '/proc/self/cgroup': '0::/\n',
      '/sys/fs/cgroup/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    });
    assert.equal(usableProcessors(unlimited, 8), 8);
  });

  it('are as many as a group of version 2 grants, also one above its own', () => {
    const nested = {
      '/proc/self/cgroup': '0::/system.slice/docker-1.scope\n',
      '/sys/fs/cgroup/system.slice/docker-1.scope/cpu.max': '600000 100000\n',
      '/sys/fs/cgroup/system.slice/cpu.max': '250000 100000\n',
      '/sys/fs/cgroup/cpu.max': 'max 100000\n',
    };
    assert.equal(cpuQuota(files(nested)), 2.5);
    assert.equal(usableProcessors(files(nested), 64), 2);
    assert.equal(usableProcessors(files({ ...nested, '/sys/fs/cgroup/system.slice/cpu.max': '' }), 64), 6);
    assert.equal(usableProcessors(files(nested), 1), 1);
  });

  it('are those of the root group where a container sees the path of the host', () => {
    const container = files({
      '/proc/self/cgroup': '0::/kubepods/pod-7/abc\n',
      '/sys/fs/cgroup/cpu.max': '300000 100000\n',
    });
    assert.equal(usableProcessors(container, 64), 3);
    const outside = files({
      '/proc/self/cgroup': '0::/../../x\n',
      '/sys/fs/cgroup/cpu.max': '300000 100000\n',
    });
    assert.equal(usableProcessors(outside, 64), 3);
  });

  it('are as many as a group of version 1 grants, alone or joined with cpuacct', () => {
    for (const [line, folder] of [
      ['4:cpu:/jobs/12', '/sys/fs/cgroup/cpu/jobs/12'],
      ['4:cpu,cpuacct:/jobs/12', '/sys/fs/cgroup/cpu,cpuacct/jobs/12'],
      ['4:cpuacct,cpu:/jobs/12', '/sys/fs/cgroup/cpu/jobs/12'],
    ])
      assert.equal(
        usableProcessors(
          files({
            '/proc/self/cgroup': `5:cpuset:/\n${line}\n1:memory:/other\n`,
            [`${folder}/cpu.cfs_quota_us`]: '400000\n',
            [`${folder}/cpu.cfs_period_us`]: '100000\n',
          }),
          64,
        ),
        4,
        line,
      );
    const other = {
      '/proc/self/cgroup': '5:cpuset:/x\n',
      '/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us': '100000',
      '/sys/fs/cgroup/cpu/x/cpu.cfs_period_us': '100000',
    };
    assert.equal(cpuQuota(files(other)), undefined);
  });

  it('are at least one, whatever the files hold', () => {
    for (const text of ['5000 100000', '', 'x y', '0 100000', '100000 0', '-5 100000', '1e999 1'])
      assert.ok(usableProcessors(files({ '/sys/fs/cgroup/cpu.max': text }), 4) >= 1, text);
    assert.equal(usableProcessors(files({ '/sys/fs/cgroup/cpu.max': '5000 100000' }), 4), 1);
  });

  it('are those of its affinity', function () {
    if (process.platform !== 'linux' || availableParallelism() < 2) this.skip(); // nothing to take away
    const script = `console.log(require('./lib/processors').usableProcessors())`;
    let out: string;
    try {
      out = execFileSync(
        'taskset',
        ['-c', '0', process.execPath, '-r', 'ts-node/register/transpile-only', '-e', script],
        { encoding: 'utf8' },
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return this.skip(); // no taskset here
      throw error;
    }
    assert.equal(out, '1\n');
  });

  it('decode with all but one of them, from one to four', () => {
    assert.deepEqual(
      [1, 2, 3, 5, 64].map((processors) => defaultWorkers(processors)),
      [1, 1, 2, 4, 4],
    );
  });
});
