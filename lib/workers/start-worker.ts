import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

/** How long a worker that was told to stop may go on with its task. */
const STOP_GRACE_MS = 5000;

/**
 * Starts a worker thread.
 *
 * @param file the worker's script; without an ending it has that of the code which runs, .js or (in tests) .ts
 * @param workerData what the worker is given at its start
 */
export function startWorker(file: string, workerData: unknown): Worker {
  const script = extname(file) === '' ? `${file}${extname(__filename)}` : file;
  // Sources need the compiler hook, what is compiled does not.
  const execArgv = script.endsWith('.ts') ? ['-r', require.resolve('ts-node/register/transpile-only')] : [];
  return new Worker(script, { workerData, execArgv });
}

/**
 * Sends `'stop'` and resolves when the thread is gone. It may end its task first: libraries do not like to lose their
 * thread in the middle of one.
 */
export async function stopWorker(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return;
  worker.ref();
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage('stop');
  const timer = setTimeout(() => void worker.terminate(), STOP_GRACE_MS);
  await exited;
  clearTimeout(timer);
}
