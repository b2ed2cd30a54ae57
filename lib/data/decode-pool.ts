import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { KappaError } from '../errors';
import { loadSharp } from './decode';
import type { DecodeReply, DecodeTask, DecodeWorkerData, SkippedSample } from './decode-task';
import { describeSample } from './sample-table';

/** How a task ended; it never rejects. */
export interface DecodeResult {
  skipped: SkippedSample[];
  error?: KappaError;
}

interface Job {
  task: DecodeTask;
  /** Asked when a worker could take the task: false gives it up. */
  wanted: () => boolean;
  resolve: (result: DecodeResult) => void;
}

interface Thread {
  worker: Worker;
  number: number;
  jobs: Job[];
  exited: Promise<void>;
}

// A second task waits in the worker while it does the first, so that it never idles for a message.
const TASKS_PER_WORKER = 2;
const STOP_GRACE_MS = 5000;

/** Decode worker threads and the queue before them. Idle workers do not keep the process alive. */
export class DecodePool {
  readonly #data: Omit<DecodeWorkerData, 'control' | 'worker'>;
  readonly #size: number;
  readonly #file: string;
  readonly #control: Int32Array;
  readonly #threads: Thread[] = [];
  readonly #queue: Job[] = [];
  #starting: Promise<void> | undefined;
  #closed = false;
  #lastCrash: DecodeResult | undefined;

  /** @param file the worker's script. @default decode-worker beside this file */
  constructor(
    data: Omit<DecodeWorkerData, 'control' | 'worker'>,
    size: number,
    file = path.join(__dirname, `decode-worker${path.extname(__filename)}`),
  ) {
    this.#data = data;
    this.#size = size;
    this.#file = file;
    this.#control = new Int32Array(new SharedArrayBuffer(4 * (1 + size))).fill(-1);
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
    for (let number = 0; number < this.#size; number++)
      if (!this.#threads.some((thread) => thread.number === number)) this.#spawn(number);
  }

  /** @param wanted asked again when a worker could take the task: false gives it up */
  run(task: DecodeTask, wanted: () => boolean): Promise<DecodeResult> {
    if (this.#threads.length === 0) return Promise.resolve(this.#lastCrash ?? cancelled());
    return new Promise((resolve) => {
      this.#queue.push({ task, wanted, resolve });
      this.#dispatch();
    });
  }

  /** Stops all workers; every task that is not done ends with ERR_CANCELLED. Resolves when all threads are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    Atomics.store(this.#control, 0, 1);
    await this.#starting;
    for (const job of this.#queue.splice(0)) job.resolve(cancelled());
    await Promise.all(
      this.#threads.map(async ({ worker, exited }) => {
        worker.ref();
        worker.postMessage('stop');
        const timer = setTimeout(() => void worker.terminate(), STOP_GRACE_MS);
        await exited;
        clearTimeout(timer);
      }),
    );
  }

  #spawn(number: number): void {
    Atomics.store(this.#control, 1 + number, -1);
    const data: DecodeWorkerData = { ...this.#data, control: this.#control, worker: number };
    const worker = new Worker(this.#file, {
      workerData: data,
      execArgv: this.#file.endsWith('.ts') ? ['-r', require.resolve('ts-node/register/transpile-only')] : [],
    });
    let failure: unknown;
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', (code) => {
        this.#threads.splice(this.#threads.indexOf(thread), 1);
        const result = this.#closed ? cancelled() : this.#crash(number, code, failure);
        if (!this.#closed) this.#lastCrash = result;
        for (const job of thread.jobs.splice(0)) job.resolve(result);
        // Without a worker left nobody would answer for the tasks that still wait.
        if (this.#threads.length === 0) for (const job of this.#queue.splice(0)) job.resolve(result);
        resolve();
      });
    });
    const thread: Thread = { worker, number, jobs: [], exited };
    worker.on('error', (error) => (failure = error));
    worker.on('message', (reply: DecodeReply) => {
      const { error, skipped } = reply;
      thread.jobs
        .shift()
        ?.resolve({ skipped, ...(error && { error: new KappaError(error.code, error.message) }) });
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
      thread.worker.postMessage(job.task);
    }
    if (this.#closed) for (const job of this.#queue.splice(0)) job.resolve(cancelled());
  }

  #crash(number: number, code: number, failure: unknown): DecodeResult {
    const sample = Atomics.load(this.#control, 1 + number);
    const at = sample === -1 ? 'between two records' : `at ${describeSample(this.#data.table, sample)}`;
    const why = failure instanceof Error ? failure.message : `exit code ${code}`;
    const error = new KappaError(
      'ERR_INTERNAL',
      `Decode worker ${number} stopped unexpectedly ${at}: ${why}.`,
      {
        cause: failure,
      },
    );
    return { skipped: [], error };
  }
}

function cancelled(): DecodeResult {
  return { skipped: [], error: new KappaError('ERR_CANCELLED', 'The loader was closed while it was read.') };
}
