import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const child = join(__dirname, '..', 'runtime', 'exit-child.js');

/** How a process ended, as a text: its exit code or signal, then what it printed. */
export type Ended = string;

/** The ways to end of exit-child.js, and how each looks from outside. */
export const endings: Readonly<Record<string, Ended>> = {
  exit: '3 ending',
  reallyExit: '4 ending',
  exitListener: '5 ending',
  throw: '1 ending',
  reject: '1 ending',
  terminated: 'SIGTERM ending',
  interrupted: '130 ending',
  workerTerminate: '0 code 1 10',
  workerExit: '0 code 2 10',
  workerThrow: '0 thrown 10',
  workerOther: '0 10',
  workerAndExit: '3',
  workerAndThrow: '1',
  workerAndEnd: '0',
  workerAndBothExit: '3',
};

/** What the process is at when it ends; nobody waits for the end of `endless`. */
const jobs = ['forward', 'backward', 'queue', 'head', 'write'] as const;

/** What a process may be at that ends in a given way: what goes on after its worker needs an end of the job. */
export function jobsFor(ending: string): string[] {
  const goesOn = ['workerTerminate', 'workerExit', 'workerThrow', 'workerOther'].includes(ending);
  return [...jobs, ...(goesOn ? ['product', 'borrowed'] : ['endless'])];
}

export interface EndOptions {
  ending: string;
  job: string;
  threads: number;
  /** Milliseconds between the start of the job and the end. */
  delay: number;
  /** Folder of kappaface's modules. @default lib */
  library?: string;
}

/** Lets a process end while its compute thread, or the one for files, is at work; it is killed after a minute. */
export function endAtWork({ ending, job, threads, delay, library }: EndOptions): Promise<Ended> {
  const sources = ['-r', require.resolve('ts-node/register/transpile-only')];
  const args = [child, library ?? join(__dirname, '../../lib'), ending, job, String(threads), String(delay)];
  const temporary = mkdtempSync(join(tmpdir(), 'kappa-ending-'));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...(library ? [] : sources), ...args],
      { timeout: 60_000, killSignal: 'SIGKILL', env: { ...process.env, TMPDIR: temporary } },
      (error, stdout, stderr) => {
        rmSync(temporary, { recursive: true, force: true });
        const outcome = error ? (error.signal ?? error.code) : 0;
        // An uncaught error of the child's own is part of it.
        const complaint = /job failed.*|KappaError.*/.exec(stderr)?.[0] ?? '';
        resolve([outcome, stdout.trim(), complaint].filter((part) => part !== '').join(' '));
      },
    );
  });
}
