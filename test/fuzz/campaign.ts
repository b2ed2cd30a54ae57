import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { mailboxIn, readMailbox } from './mailbox';
import { addFinding, loadState, newState, saveState, type CampaignState } from './state';
import type { FuzzTarget } from './target';
import type { WorkerTask } from './worker';

const LOOK_EVERY_MS = 100;
const DEFAULT_ADDRESS_SPACE_MIB = 4096;
const HEAP_MIB = 512;
const DEFAULT_RESTARTS = 10;

export interface CampaignOptions {
  readonly target: FuzzTarget;
  /** Module that exports the list `targets` with the target in it. */
  readonly targets: string;
  readonly seed: number;
  readonly inputs: number;
  /** Where state and findings are kept; a campaign whose state is there goes on. */
  readonly folder: string;
  /**
   * Longest time for one input in milliseconds. A process that other ones kept from working meanwhile gets six times as
   * long. @default 10000
   */
  readonly timeLimit?: number;
  /** So often a process that ended is replaced by another one. @default 10 */
  readonly restarts?: number;
  readonly onProgress?: (done: number) => void;
}

type End = { kind: 'done' | 'hang' } | { kind: 'crash'; what: string };

/**
 * Parses mutated inputs in a process of its own and watches it: a crash, an input that takes too long or too much
 * memory, and any answer but a result or an allowed KappaError become findings, and the campaign goes on behind them.
 */
export function runCampaign(options: CampaignOptions): Promise<CampaignState> {
  return withScratch(async (scratch) => {
    const { target, seed, inputs, folder, restarts = DEFAULT_RESTARTS } = options;
    mkdirSync(folder, { recursive: true });
    saveState(folder, loadState(folder) ?? newState(target.name, seed));
    for (let ends = 0; ; ends++) {
      const end = await runWorker(options, scratch);
      const state = loadState(folder)!;
      if (end.kind === 'done') {
        if (state.next >= inputs || ends >= restarts) return state;
        continue; // it had grown too large and gave up its memory
      }
      noteEnd(options, scratch, state, end);
      if (ends >= restarts) return state;
    }
  });
}

/** Parses one input, as a campaign would. */
export function replayInput(options: CampaignOptions, input: Buffer): Promise<CampaignState> {
  return withScratch(async (scratch) => {
    rmSync(options.folder, { recursive: true, force: true });
    mkdirSync(options.folder, { recursive: true });
    const end = await runWorker(options, scratch, input);
    const state = loadState(options.folder) ?? newState(options.target.name, options.seed);
    if (end.kind !== 'done') noteEnd(options, scratch, state, end);
    return state;
  });
}

/** A folder for each input and what is made of it: in memory where there is such a place, which makes it twice as fast. */
async function withScratch<T>(use: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = mkdtempSync(path.join(isWritable('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'kappa-fuzz-'));
  try {
    return await use(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function noteEnd(
  { folder, timeLimit }: CampaignOptions,
  scratch: string,
  state: CampaignState,
  end: End,
): void {
  const found = readMailbox(mailboxIn(scratch));
  // Without an input in the box it was not the parser that failed.
  if (found === undefined)
    throw new Error(`The fuzz worker could not start: ${end.kind === 'crash' ? end.what : end.kind}`);
  const { index, input } = found;
  const what =
    end.kind === 'crash' ? end.what : `no answer within ${(timeLimit ?? DEFAULT_TIME_LIMIT) / 1000} s`;
  addFinding(folder, state, { index, kind: end.kind === 'crash' ? 'crash' : 'hang', what }, input);
  state.skip.push(index);
  saveState(folder, state);
}

const DEFAULT_TIME_LIMIT = 10_000;
const PATIENCE = 6;
const TICK_MS = 10; // of /proc, whatever the kernel's own

/** Processor time of another process so far, or NaN where the system does not tell. */
function processorMilliseconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return NaN;
  }
}

function runWorker(options: CampaignOptions, scratch: string, replay?: Buffer): Promise<End> {
  const { target, targets, seed, inputs, folder, timeLimit = DEFAULT_TIME_LIMIT, onProgress } = options;
  const task: WorkerTask = {
    targets,
    target: target.name,
    seed,
    inputs,
    folder,
    scratch,
    replay: replay?.toString('base64'),
  };
  const box = mailboxIn(scratch);
  rmSync(box, { force: true });
  const node = [
    process.execPath,
    '--single-threaded', // the threads that help V8 cost more than they help where inputs are small
    `--max-old-space-size=${HEAP_MIB}`,
    '-r',
    'ts-node/register/transpile-only',
    path.join(__dirname, 'worker.ts'),
    JSON.stringify(task),
  ];
  // The limit on the address space makes an allocation fail that an input has no right to ask for.
  const kib = (target.addressSpaceMiB ?? DEFAULT_ADDRESS_SPACE_MIB) * 1024;
  const [command, ...args] =
    process.platform === 'linux' ? ['sh', '-c', `ulimit -v ${kib}; exec "$0" "$@"`, ...node] : node;
  return new Promise((resolve, reject) => {
    const child = spawn(command!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    let hung = false;
    let last = { index: -1, since: performance.now(), busy: 0 };
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)));
    const watch = setInterval(() => {
      const index = readMailbox(box)?.index;
      if (index === undefined) return;
      const busy = processorMilliseconds(child.pid!);
      const waited = performance.now() - last.since;
      if (index !== last.index) {
        last = { index, since: performance.now(), busy };
        onProgress?.(index);
      } else if (
        (waited > timeLimit && !(busy - last.busy < timeLimit / 2)) ||
        waited > PATIENCE * timeLimit
      ) {
        hung = true;
        child.kill('SIGKILL');
      }
    }, LOOK_EVERY_MS);
    child.on('error', (error) => {
      clearInterval(watch);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearInterval(watch);
      if (hung) resolve({ kind: 'hang' });
      else if (code === 0) resolve({ kind: 'done' });
      else resolve({ kind: 'crash', what: `the process ended with ${signal ?? code}: ${errors.trim()}` });
    });
  });
}
