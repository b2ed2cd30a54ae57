import type { Worker } from 'node:worker_threads';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { KappaError, messageOf } from '../errors';
import { usableProcessors } from '../processors';
import { startWorker, stopWorker } from './start-worker';
import type { TaskReply } from './task-worker';

/** Tasks given out ahead of the result awaited, for each worker: bounds what lies in memory. */
const AHEAD = 4;

export interface WorkerMapOptions<Task, Result> {
  /** Threads; 0 does the tasks in the calling thread, where {@link inThread} is given. @default one for each processor that may be used, at most 16 */
  workers?: number;
  /** Names the work in errors, like `draw faces`. */
  what: string;
  /** Given to every worker. */
  workerData?: unknown;
  /** What the worker does with a task, to do it without one. */
  inThread?: (task: Task) => Promise<Result>;
  /** Stops the work. */
  signal?: AbortSignal;
}

/**
 * Does tasks on worker threads and yields the results in the order of the tasks, whatever the number of workers. Tasks
 * are drawn from their source only a few ahead, so that memory is bounded however many there are.
 *
 * @param file the worker's script without its ending; it calls `serveTasks`
 * @throws KappaError what a task threw, ERR_INTERNAL when a worker fails, ERR_CANCELLED
 */
export async function* mapInWorkers<Task, Result>(
  file: string,
  tasks: Iterable<Task>,
  options: WorkerMapOptions<Task, Result>,
): AsyncGenerator<Result, void, undefined> {
  const { workers = Math.min(16, usableProcessors()), what, signal } = options;
  const cancelled = () => new KappaError('ERR_CANCELLED', `The work to ${what} was interrupted.`);
  if (workers === 0 && options.inThread) {
    for (const task of tasks) {
      if (signal?.aborted) throw cancelled();
      yield await options.inThread(task);
      // Signals and timers must come to their turn.
      await yieldToEvents();
    }
    return;
  }
  const source = tasks[Symbol.iterator]();
  const pool: Worker[] = [];
  const idle: Worker[] = [];
  const done = new Map<number, TaskReply<Result>>();
  let [next, yielded, exhausted] = [0, 0, false];
  let failure: unknown;
  let sourceFailure: { error: unknown } | undefined;
  let wake = () => {};

  const spawn = (): Worker => {
    const worker = startWorker(file, options.workerData);
    pool.push(worker);
    worker.on('error', (error) => {
      failure ??= error;
      wake();
    });
    worker.on('exit', (code) => {
      failure ??= new Error(`it ended with code ${code}`);
      wake();
    });
    return worker;
  };
  /** Hands out tasks; a worker is started only when there is a task for it. */
  const feed = () => {
    while (!exhausted && next < yielded + AHEAD * Math.max(1, workers)) {
      if (idle.length === 0 && pool.length >= Math.max(1, workers)) return;
      const { value, done: end } = source.next();
      if (end) {
        exhausted = true;
        return;
      }
      const worker = idle.pop() ?? spawn();
      const index = next++;
      worker.once('message', (reply: TaskReply<Result>) => {
        done.set(index, reply);
        idle.push(worker);
        // A source may fail, for instance where it reads files; that is told to whoever waits for results.
        try {
          feed();
        } catch (error) {
          sourceFailure ??= { error };
        }
        wake();
      });
      worker.postMessage({ task: value });
    }
  };

  const onAbort = () => wake();
  signal?.addEventListener('abort', onAbort);
  try {
    feed();
    while (!exhausted || yielded < next) {
      if (signal?.aborted) throw cancelled();
      const reply = done.get(yielded);
      if (reply) {
        done.delete(yielded++);
        if ('error' in reply) throw new KappaError(reply.error.code, reply.error.message);
        feed();
        yield reply.result;
      } else if (sourceFailure) {
        throw sourceFailure.error;
      } else if (failure) {
        const reason = messageOf(failure);
        throw new KappaError('ERR_INTERNAL', `A worker that should ${what} failed: ${reason}.`, {
          cause: failure,
        });
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    source.return?.();
    await Promise.all(pool.map(stopWorker));
  }
}
