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
  /** When it took the lock, as an ISO date. */
  since?: string;
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
  if (options.signal?.aborted) throw cancelled(file);
  let waiting = false;
  const lock = await acquire(file, options, (holder) => {
    if (!waiting) options.onWait?.(holder);
    waiting = true;
  });
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** A lock that is held until it is released. */
export interface HeldLock {
  /** Gives it back. May be called twice. */
  release(): void;
}

/** Options of {@link holdLock}. */
export interface HoldOptions extends LockOptions {
  /** Called where the lock of a process that is gone was taken over. */
  onTakeOver?: (holder: LockHolder) => void;
}

/**
 * Takes a lock for long. One that is held by a running process is an error; whether one of another machine is still
 * held shows when it is refreshed, or not for `abandonedMs`.
 *
 * @param what is locked, for the error: `The run runs/base`
 * @throws KappaError `ERR_LOCKED` naming the holder, `ERR_CANCELLED`, `ERR_IO`
 */
export function holdLock(file: string, what: string, options: HoldOptions = {}): Promise<HeldLock> {
  return acquire(file, options, (holder, isRunning) => {
    if (!isRunning) {
      options.onWait?.(holder);
      return;
    }
    throw new KappaError('ERR_LOCKED', lockedMessage(what, holder));
  });
}

/** What is said to whoever meets a lock that another process holds. */
export function lockedMessage(what: string, { pid, host, since }: LockHolder): string {
  return `${what} is in use by process ${pid} on ${host}${since === undefined ? '' : `, since ${since}`}. Wait until it has ended, or end it (SIGINT lets a training run write a checkpoint).`;
}

/** The process that holds a lock, as far as can be told at once; undefined where none does, or one that is gone. */
export function lockHolder(file: string): LockHolder | undefined {
  const holder = readHolder(file)?.holder;
  if (holder?.host === os.hostname() && !isAlive(holder.pid, holder.started)) return undefined;
  return holder;
}

function cancelled(file: string): KappaError {
  return new KappaError('ERR_CANCELLED', `Cancelled while waiting for ${file}.`);
}

/** @param onHeld called at each look at a lock that another holds; what it throws ends the wait */
async function acquire(
  file: string,
  { signal, pollMs = 250, abandonedMs = 60_000, onTakeOver }: HoldOptions,
  onHeld: (holder: LockHolder, isRunning: boolean) => void,
): Promise<HeldLock> {
  const since = new Date().toISOString();
  const self: LockHolder = { pid: process.pid, host: os.hostname(), started: startTime(process.pid), since };
  // The random part tells two locks of one process apart.
  const content = JSON.stringify({ ...self, token: Math.random().toString(36).slice(2) });
  let seen = { text: '', mtimeMs: 0, since: 0 };
  for (;;) {
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      if (tryAcquire(file, content)) break;
    } catch (error) {
      throw ioError(error, 'create the lock', file);
    }
    const found = readHolder(file);
    if (found === undefined) continue;
    const { holder, text, mtimeMs } = found;
    const isOurs = holder?.host === self.host;
    if (holder === undefined || (isOurs && !isAlive(holder.pid, holder.started))) {
      breakLock(file, text);
      if (holder) onTakeOver?.(holder);
      continue;
    }
    // Clocks of machines differ: what counts is that the file did not change while this process looked on.
    const isRefreshed = text === seen.text && mtimeMs !== seen.mtimeMs;
    if (text !== seen.text || mtimeMs !== seen.mtimeMs) seen = { text, mtimeMs, since: performance.now() };
    if (!isOurs && performance.now() - seen.since > abandonedMs) {
      breakLock(file, text);
      onTakeOver?.(holder);
      continue;
    }
    onHeld(holder, isOurs || isRefreshed);
    if (signal?.aborted) throw cancelled(file);
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
  const refresh = setInterval(() => {
    const now = new Date();
    fs.utimes(file, now, now, () => undefined);
  }, REFRESH_MS);
  refresh.unref();
  return {
    release: () => {
      clearInterval(refresh);
      try {
        if (readHolder(file)?.text === content) fs.rmSync(file, { force: true });
      } catch {
        // A disk that became read-only: the lock is nobody's once this process has ended.
      }
    },
  };
}
