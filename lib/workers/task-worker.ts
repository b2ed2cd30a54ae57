import { parentPort } from 'node:worker_threads';
import { KappaError, type KappaErrorCode, messageOf } from '../errors';

/** What a worker answers to a task. */
export type TaskReply<Result> = { result: Result } | { error: { code: KappaErrorCode; message: string } };

/**
 * Makes a worker thread of {@link mapInWorkers}: answers one task after the other until it is told to stop.
 * @param transfer the memory of a result that is handed over instead of copied
 */
export function serveTasks<Task, Result>(
  run: (task: Task) => Result | Promise<Result>,
  transfer: (result: Result) => ArrayBuffer[] = () => [],
): void {
  const port = parentPort!;
  port.on('message', (message: { task: Task } | 'stop') => {
    if (message === 'stop') return port.close();
    void (async () => {
      try {
        const result = await run(message.task);
        port.postMessage({ result } satisfies TaskReply<Result>, transfer(result));
      } catch (error) {
        const code = error instanceof KappaError ? error.code : 'ERR_INTERNAL';
        const text = messageOf(error);
        port.postMessage({ error: { code, message: text } } satisfies TaskReply<Result>);
      }
    })();
  });
}
