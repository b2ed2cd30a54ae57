import { SingleBar } from 'cli-progress';
import { KappaError } from '../errors';
import { formatSeconds } from '../report/console/text';

/** What a long task is given. */
export interface TaskHooks {
  onProgress: (done: number, total: number) => void;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;
const LINE_SECONDS = 10;

/**
 * Runs a task with its progress on stderr: a bar on a terminal, else a line now and then. The first SIGINT or SIGTERM
 * ends it in order, a second one at once.
 *
 * @param title what is done, like `Packing`
 * @returns the result, or the exit code after a signal
 */
export async function runLongTask<Result>(
  title: string,
  task: (hooks: TaskHooks) => Promise<Result>,
): Promise<{ result: Result; seconds: number } | { exitCode: number }> {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    const repeated = exitCode !== undefined;
    exitCode = exitCodes[name as keyof typeof exitCodes];
    if (repeated) process.exit(exitCode);
    controller.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const view = process.stderr.isTTY ? new Bar(title) : new Lines(title);
  const started = performance.now();
  try {
    const result = await task({
      signal: controller.signal,
      onProgress: (done, total) => view.update(done, total),
    });
    return { result, seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    if (exitCode === undefined || !(error instanceof KappaError) || error.code !== 'ERR_CANCELLED')
      throw error;
    view.stop();
    process.stderr.write(`${error.message}\n`);
    return { exitCode };
  } finally {
    view.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

class Bar {
  readonly #bar: SingleBar;
  #running = false;

  constructor(title: string) {
    this.#bar = new SingleBar({
      format: `${title} {bar} {value} of {total} | {eta_formatted} left`,
      stream: process.stderr,
      fps: 5,
      // A killed run must not leave the terminal without its cursor; signals are handled by the task.
      hideCursor: false,
      gracefulExit: false,
    });
  }

  update(done: number, total: number): void {
    if (!this.#running) this.#bar.start(total, done);
    else {
      this.#bar.setTotal(total);
      this.#bar.update(done);
    }
    this.#running = true;
  }

  stop(): void {
    if (this.#running) this.#bar.stop();
    this.#running = false;
  }
}

class Lines {
  readonly #title: string;
  readonly #startedAt = performance.now();
  #printedAt = this.#startedAt;

  constructor(title: string) {
    this.#title = title;
  }

  update(done: number, total: number): void {
    const now = performance.now();
    if (now - this.#printedAt < 1000 * LINE_SECONDS) return;
    this.#printedAt = now;
    const left = ((now - this.#startedAt) / 1000 / done) * (total - done);
    process.stderr.write(`${this.#title}: ${done} of ${total}, ${formatSeconds(left)} left\n`);
  }

  stop(): void {
    // Lines end by themselves.
  }
}
