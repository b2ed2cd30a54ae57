import path from 'node:path';
import type { Worker } from 'node:worker_threads';
import { KappaError, isError } from '../../errors';
import { loadSharp } from '../../image/decode';
import { startWorker, stopWorker } from '../../workers/start-worker';
import type { DecodeReply, DecodeTask, DecodeWorkerData } from './decode-task';
import { cancelled, resultOf, type DecodeResult, type Decoding } from './decoding';
import type { WorkerCrash } from './options';
import { describeSample } from '../sample-table';

interface Job {
  task: DecodeTask;
  /** Asked when a worker could take the task: false gives it up. */
  wanted: () => boolean;
  /** Called before the task is done anew, because its worker ended in the middle of it. */
  restore: () => void;
  resolve: (result: DecodeResult) => void;
}

export interface DecodePoolOptions {
  workers: number;
  /** Whether a new worker takes over when one ends, and how often. */
  onWorkerCrash: 'restart' | 'stop';
  maxWorkerRestarts: number;
  /** Called for each worker that ended and was replaced. */
  onRestart?: (crash: WorkerCrash) => void;
  /** The worker's script. @default decode-worker beside this file */
  workerFile?: string;
}

interface Thread {
  worker: Worker;
  number: number;
  jobs: Job[];
}

// A second task waits in the worker while it does the first, so that it never idles for a message.
const TASKS_PER_WORKER = 2;

// A sample at which so many workers ended is what ends them.
const FATAL_CRASHES = 2;

/** Decode worker threads and the queue before them. Idle workers do not keep the process alive. */
export class DecodePool implements Decoding {
  /** Workers that ended and were replaced so far. */
  restarts = 0;
  readonly #data: Omit<DecodeWorkerData, 'control' | 'worker'>;
  readonly #options: DecodePoolOptions;
  readonly #file: string;
  readonly #control: Int32Array;
  readonly #threads: Thread[] = [];
  readonly #queue: Job[] = [];
  /** Workers that ended at each sample. */
  readonly #crashes = new Map<number, number>();
  #fatal: number[] | undefined;
  #starting: Promise<void> | undefined;
  #closed = false;
  #lastCrash: DecodeResult | undefined;

  constructor(data: Omit<DecodeWorkerData, 'control' | 'worker'>, options: DecodePoolOptions) {
    this.#data = data;
    this.#options = options;
    this.#file = options.workerFile ?? path.join(__dirname, 'decode-worker');
    this.#control = new Int32Array(new SharedArrayBuffer(4 * (1 + options.workers))).fill(-1);
    this.#control[0] = 0;
  }

  /** Starts the workers that are missing: all at first, later those that crashed. */
  async start(): Promise<void> {
    // See loadSharp; where sharp cannot be loaded JPEG images are decoded all the same.
    this.#starting ??= loadSharp().then(
      () => undefined,
      () => undefined,
    );
    await this.#starting;
    if (this.#closed) return;
    for (let number = 0; number < this.#options.workers; number++)
      if (!this.#threads.some((thread) => thread.number === number)) this.#spawn(number);
  }

  run(task: DecodeTask, wanted: () => boolean, restore: () => void): Promise<DecodeResult> {
    if (this.#threads.length === 0) return Promise.resolve(this.#lastCrash ?? cancelled());
    return new Promise((resolve) => {
      this.#queue.push({ task, wanted, restore, resolve });
      this.#dispatch();
    });
  }

  /** Stops all workers; every task that is not done ends with ERR_CANCELLED. Resolves when all threads are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    Atomics.store(this.#control, 0, 1);
    await this.#starting;
    for (const job of this.#queue.splice(0)) job.resolve(cancelled());
    await Promise.all(this.#threads.map(({ worker }) => stopWorker(worker)));
  }

  #spawn(number: number): void {
    Atomics.store(this.#control, 1 + number, -1);
    const data: DecodeWorkerData = { ...this.#data, control: this.#control, worker: number };
    const worker = startWorker(this.#file, data);
    const thread: Thread = { worker, number, jobs: [] };
    let failure: unknown;
    worker.on('error', (error) => (failure = error));
    worker.once('exit', (code) => {
      this.#threads.splice(this.#threads.indexOf(thread), 1);
      this.#ended(thread, code, failure);
    });
    worker.on('message', (reply: DecodeReply) => {
      thread.jobs.shift()?.resolve(resultOf(reply));
      this.#dispatch();
      if (thread.jobs.length === 0) worker.unref();
    });
    worker.unref();
    this.#threads.push(thread);
  }

  /** Hands waiting tasks to the least busy workers. */
  #dispatch(): void {
    while (this.#queue.length > 0 && !this.#closed) {
      if (!this.#queue[0]!.wanted()) {
        this.#queue.shift()!.resolve(cancelled());
        continue;
      }
      const thread = this.#threads.reduce<Thread | undefined>(
        (best, other) => (best === undefined || other.jobs.length < best.jobs.length ? other : best),
        undefined,
      );
      if (thread === undefined || thread.jobs.length >= TASKS_PER_WORKER) return;
      const job = this.#queue.shift()!;
      thread.jobs.push(job);
      thread.worker.ref();
      thread.worker.postMessage(this.#fatal ? { ...job.task, fatal: this.#fatal } : job.task);
    }
    if (this.#closed) for (const job of this.#queue.splice(0)) job.resolve(cancelled());
  }

  /** Called when a thread is gone: lets another one do its jobs, or ends them. */
  #ended({ number, jobs }: Thread, code: number, failure: unknown): void {
    const unfinished = jobs.splice(0);
    if (this.#closed) {
      for (const job of unfinished) job.resolve(cancelled());
      return;
    }
    const crash = this.#describe(number, code, failure);
    const { onWorkerCrash, maxWorkerRestarts, onRestart } = this.#options;
    if (onWorkerCrash === 'restart' && this.restarts < maxWorkerRestarts) {
      this.restarts++;
      this.#countCrash(crash.sampleIndex);
      for (const job of unfinished) if (job.wanted()) job.restore();
      this.#queue.unshift(...unfinished);
      this.#spawn(number);
      this.#dispatch();
      onRestart?.(crash);
      return;
    }
    const after = this.restarts > 0 ? ` Workers had been restarted ${this.restarts} times before.` : '';
    const error = new KappaError('ERR_INTERNAL', crash.message + after, { cause: failure });
    this.#lastCrash = { skipped: [], error };
    for (const job of unfinished) job.resolve(this.#lastCrash);
    // Without a worker left nobody would answer for the tasks that still wait.
    if (this.#threads.length === 0) for (const job of this.#queue.splice(0)) job.resolve(this.#lastCrash);
  }

  #countCrash(sample: number | undefined): void {
    if (sample === undefined) return;
    const crashes = (this.#crashes.get(sample) ?? 0) + 1;
    this.#crashes.set(sample, crashes);
    if (crashes === FATAL_CRASHES) this.#fatal = [...(this.#fatal ?? []), sample];
  }

  #describe(number: number, code: number, failure: unknown): WorkerCrash {
    const sample = Atomics.load(this.#control, 1 + number);
    const at = sample === -1 ? 'between two records' : `at ${describeSample(this.#data.table, sample)}`;
    const why = isError(failure) ? failure.message : `exit code ${code}`;
    return {
      worker: number,
      sampleIndex: sample === -1 ? undefined : sample,
      message: `Decode worker ${number} stopped unexpectedly ${at}: ${why}.`,
    };
  }
}
