import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

/** Text of a file, empty where it cannot be read. */
export type ReadText = (file: string) => string;

const readText: ReadText = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

/**
 * Processors' worth of time that the control groups of this process grant: the least of its own group and of all above
 * it, by version 2 (`cpu.max`) and version 1 (`cpu.cfs_quota_us`).
 * @param read another file system, for tests
 * @returns undefined where nothing limits it
 */
export function cpuQuota(read: ReadText = readText): number | undefined {
  const groups = read('/proc/self/cgroup');
  const own = (line: RegExp) => line.exec(groups)?.[1] ?? '/';
  const quotas: number[] = [];
  const add = (quota: string | undefined, period: string | undefined) => {
    // "max" and -1: no limit.
    if (Number(quota) > 0 && Number(period) > 0) quotas.push(Number(quota) / Number(period));
  };
  for (const folder of foldersUpTo('/sys/fs/cgroup', own(/^0::(\/.*)$/m))) {
    const [quota, period] = read(`${folder}/cpu.max`).trim().split(/\s+/);
    add(quota, period);
  }
  const first = own(/^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(\/.*)$/m);
  for (const root of ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'])
    for (const folder of foldersUpTo(root, first))
      add(read(`${folder}/cpu.cfs_quota_us`).trim(), read(`${folder}/cpu.cfs_period_us`).trim());
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

/**
 * Processors that this process may keep busy: those it may run on (affinity, cpusets), and no more than the control
 * groups grant in whole processors; at least 1.
 */
export function usableProcessors(read: ReadText = readText, processors = availableParallelism()): number {
  return Math.max(1, Math.min(processors, Math.floor(cpuQuota(read) ?? processors)));
}

/** A group's folder and all above it. In a container the group's path may be that of the host: the root is left then. */
function foldersUpTo(root: string, group: string): string[] {
  const folders = [root];
  for (let at = path.posix.normalize(group); at !== '/' && !at.startsWith('/..'); at = path.posix.dirname(at))
    folders.push(root + at);
  return folders;
}
