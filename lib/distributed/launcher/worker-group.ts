import { WorkerProcess, type WorkerOptions } from './worker-process';
import type { StopSignal, WorkerFailure } from './messages';

/** How the processes of a node were brought down. */
export interface Stopped {
  readonly failures: WorkerFailure[];
  /** Ranks that only SIGKILL ended. */
  readonly unresponsive: number[];
  /** Whether all had ended with 0. */
  readonly done: boolean;
}

export type GroupWorker = Omit<WorkerOptions, 'onReport' | 'onEnd'>;

export interface GroupEvents {
  /** A process failed; called once for each that does. */
  onFailure: (failure: WorkerFailure) => void;
  /** All ended with 0. */
  onDone: () => void;
}

/** Signals that end a process which obeys. */
const obeyed: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];

/** The processes of one node in one round. */
export class WorkerGroup {
  readonly #events: GroupEvents;
  readonly #workers: WorkerProcess[] = [];
  readonly #failed = new Set<WorkerProcess>();
  readonly #killed = new Set<WorkerProcess>();
  #gone = 0;
  #isStopping = false;
  #killTimer: NodeJS.Timeout | undefined;
  #deadline = Infinity;
  #allGone!: () => void;
  readonly #down = new Promise<void>((resolve) => (this.#allGone = resolve));

  constructor(workers: readonly GroupWorker[], events: GroupEvents) {
    this.#events = events;
    try {
      for (const options of workers) this.#add(options);
    } catch (error) {
      this.kill();
      throw error;
    }
  }

  #add(options: GroupWorker): void {
    const worker: WorkerProcess = new WorkerProcess({
      ...options,
      onReport: () => this.#blame(worker),
      onEnd: () => this.#ended(worker),
    });
    this.#workers.push(worker);
  }

  /**
   * Ends all processes: by the signal, and by SIGKILL those that are still there after the grace. Called again with
   * a shorter grace, it hurries.
   *
   * @param grace milliseconds
   * @returns when none is left
   */
  async stop(signal: StopSignal, grace: number): Promise<Stopped> {
    const isFirst = !this.#isStopping;
    this.#isStopping = true;
    const deadline = performance.now() + grace;
    if (this.#gone < this.#workers.length && deadline < this.#deadline) {
      this.#deadline = deadline;
      clearTimeout(this.#killTimer);
      this.#killTimer = setTimeout(() => this.kill(), grace);
    }
    if (isFirst) for (const worker of this.#workers) worker.signal(signal);
    await this.#down;
    return {
      failures: [...this.#failed].map((worker) => worker.failure()).slice(0, 16),
      unresponsive: [...this.#killed].map(({ rank }) => rank),
      done: this.#failed.size === 0 && this.#workers.every(({ end }) => end?.code === 0),
    };
  }

  /** Ends all processes, and what they started, at once. */
  kill(): void {
    for (const worker of this.#workers) {
      if (worker.end !== undefined) continue;
      this.#killed.add(worker);
      worker.kill();
    }
  }

  #blame(worker: WorkerProcess): void {
    if (this.#failed.has(worker)) return;
    this.#failed.add(worker);
    this.#events.onFailure(worker.failure());
  }

  #ended(worker: WorkerProcess): void {
    this.#gone++;
    if (this.#isFailure(worker)) this.#blame(worker);
    if (this.#gone < this.#workers.length) return;
    clearTimeout(this.#killTimer);
    this.#allGone();
    if (this.#failed.size === 0 && this.#workers.every(({ end }) => end?.code === 0)) this.#events.onDone();
  }

  #isFailure(worker: WorkerProcess): boolean {
    const { code = null, signal = null } = worker.end ?? {};
    if (code === 0) return false;
    if (!this.#isStopping) return true;
    // Once all were told to end, an exit code is an answer to that; only a crash is not.
    return signal !== null && !obeyed.includes(signal) && !this.#killed.has(worker);
  }
}
