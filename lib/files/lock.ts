import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ioError, KappaError } from '../errors';

/** Who holds a lock. */
export interface LockHolder {
  pid: number;
  host: string;
  /** Start time of the process in the kernel's ticks, where the platform tells it: a reused pid has another. */
  started?: string;
}

/** Options of {@link withLock}. */
export interface LockOptions {
  /** Called once, when another process holds the lock and waiting begins. */
  onWait?: (holder: LockHolder) => void;
  signal?: AbortSignal;
  /** Milliseconds between two looks at a held lock. Default 250. */
  pollMs?: number;
  /** A lock of another machine counts as abandoned when not refreshed for this long. Default 60,000 ms. */
  abandonedMs?: number;
}

const REFRESH_MS = 5_000;

function startTime(pid: number): string | undefined {
  try {
    // The name in parentheses may hold spaces; the start time is the 20th field behind it.
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Whether a process of this machine is running (and, where `started` is known, is still the same one). */
export function isAlive(pid: number, started?: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = startTime(pid);
  return started === undefined || now === undefined || now === started;
}

function readHolder(
  file: string,
): { holder: LockHolder | undefined; mtimeMs: number; text: string } | undefined {
  try {
    const text = fs.readFileSync(file, 'utf8');
    const { mtimeMs } = fs.statSync(file);
    let holder: LockHolder | undefined;
    try {
      const parsed = JSON.parse(text) as Partial<LockHolder>;
      if (typeof parsed.pid === 'number' && typeof parsed.host === 'string') holder = parsed as LockHolder;
    } catch {
      // Unreadable: nobody's.
    }
    return { holder, mtimeMs, text };
  } catch {
    return undefined;
  }
}

/**
 * Tries to take the lock. The file appears with its content in one step (a link), so nobody ever reads half of it.
 */
function tryAcquire(file: string, content: string): boolean {
  const own = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    fs.writeFileSync(own, content, { flag: 'wx' });
    try {
      fs.linkSync(own, file);
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EEXIST') return false;
      // A file system without hard links: exclusive creation is the next best.
      try {
        fs.writeFileSync(file, content, { flag: 'wx' });
        return true;
      } catch (second) {
        if ((second as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw second;
      }
    }
  } finally {
    fs.rmSync(own, { force: true });
  }
}

/** Takes a dead lock out of the way; puts it back should it turn out to be a new one that came in between. */
function breakLock(file: string, judged: string): void {
  const aside = `${file}.${process.pid}.stale`;
  try {
    fs.renameSync(file, aside);
  } catch {
    return;
  }
  try {
    if (fs.readFileSync(aside, 'utf8') !== judged) fs.linkSync(aside, file);
  } catch {
    // Someone has the lock already.
  }
  fs.rmSync(aside, { force: true });
}

/**
 * Runs `work` while holding an exclusive lock file, shared by all processes that name the same file. A lock whose
 * process is gone is taken over; otherwise the call waits its turn.
 *
 * @param file path of the lock file; its folder is created
 * @param work what to do under the lock
 * @throws KappaError `ERR_CANCELLED` where `signal` fires while waiting, `ERR_IO` where the file cannot be written
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const { onWait, signal, pollMs = 250, abandonedMs = 60_000 } = options;
  const self: LockHolder = { pid: process.pid, host: os.hostname(), started: startTime(process.pid) };
  // The random part tells two locks of one process apart.
  const content = JSON.stringify({ ...self, token: Math.random().toString(36).slice(2) });
  let waiting = false;
  let seen = { text: '', mtimeMs: 0, since: 0 };
  for (;;) {
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Cancelled while waiting for ${file}.`);
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      if (tryAcquire(file, content)) break;
    } catch (error) {
      throw ioError(error, 'create the lock', file);
    }
    const found = readHolder(file);
    if (found === undefined) continue;
    const { holder, text, mtimeMs } = found;
    if (holder === undefined || (holder.host === self.host && !isAlive(holder.pid, holder.started))) {
      breakLock(file, text);
      continue;
    }
    // Clocks of machines differ: what counts is that the file did not change while this process looked on.
    if (text !== seen.text || mtimeMs !== seen.mtimeMs) seen = { text, mtimeMs, since: performance.now() };
    if (holder.host !== self.host && performance.now() - seen.since > abandonedMs) {
      breakLock(file, text);
      continue;
    }
    if (!waiting) onWait?.(holder);
    waiting = true;
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
  const refresh = setInterval(() => {
    const now = new Date();
    fs.utimes(file, now, now, () => undefined);
  }, REFRESH_MS);
  refresh.unref();
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    if (readHolder(file)?.text === content) fs.rmSync(file, { force: true });
  }
}
