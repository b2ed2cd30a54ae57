import { interruptible } from './interruption';

/** What a long task is given. */
export interface TaskHooks {
  /** @param part names what is counted now, where that is not the whole */
  onProgress: (done: number, total: number, part?: string) => void;
  /** Something worth a line. */
  onMessage: (text: string) => void;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

/**
 * Runs a task with its progress on stderr: a bar on a terminal, else a line now and then. The first SIGINT or SIGTERM
 * ends it in order, a second one at once.
 *
 * @param title what is done, like `Packing images`
 * @returns the result, or the exit code after a signal
 */
export async function runLongTask<Result>(
  title: string,
  task: (hooks: TaskHooks) => Promise<Result>,
): Promise<{ result: Result; seconds: number } | { exitCode: number }> {
  const { WorkProgress } = await import('../report/console/work-progress');
  const progress = new WorkProgress(process.stderr);
  const onMessage = (text: string): void => progress.message(text);
  const started = performance.now();
  try {
    const run = await interruptible({ say: onMessage }, ({ signal }) =>
      task({
        signal,
        onMessage,
        onProgress: (done, total, part = title) => progress.update(part, done, total),
      }),
    );
    return 'exitCode' in run ? run : { ...run, seconds: (performance.now() - started) / 1000 };
  } finally {
    progress.stop();
  }
}
