import type { ProgressListener } from '../libtorch/progress';
import { WorkProgress } from '../report/console/work-progress';

/** Shows the progress of an installation; `stop` ends a bar that is under way. */
export interface ProgressPrinter {
  listener: ProgressListener;
  /** Writes a line of text. */
  message(text: string): void;
  stop(): void;
}

const TITLES = { download: 'Fetching', unpack: 'Unpacking' } as const;

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/**
 * A printer for the progress of an installation: a bar where `stream` is a terminal, else a line now and then.
 *
 * @param stream default stderr, so that stdout stays free for results
 */
export function createProgressPrinter(stream: NodeJS.WriteStream = process.stderr): ProgressPrinter {
  const progress = new WorkProgress(stream, { amount: megabytes });
  let last = '';
  const listener: ProgressListener = (state) => {
    if (state.phase === 'download' || state.phase === 'unpack')
      return progress.update(TITLES[state.phase], state.done, state.total);
    progress.stop();
    const line = state.phase === 'sync' ? 'Writing to disk' : `LibTorch: ${state.message}`;
    if (line !== last) progress.message(line);
    last = line;
  };
  return { listener, message: (text) => progress.message(text), stop: () => progress.stop() };
}
