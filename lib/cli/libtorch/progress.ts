import { Presets, SingleBar } from 'cli-progress';
import type { InstallProgress, ProgressListener } from '../../libtorch/progress';

/** Shows the progress of an installation; `stop` ends a bar that is under way. */
export interface ProgressPrinter {
  listener: ProgressListener;
  stop(): void;
}

const TITLES = { download: 'Fetching', unpack: 'Unpacking' } as const;

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** A bar on a terminal. */
function barPrinter(stream: NodeJS.WriteStream): ProgressPrinter {
  let bar: SingleBar | undefined;
  let phase: InstallProgress['phase'] | undefined;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
    phase = undefined;
  };
  const listener: ProgressListener = (progress) => {
    if (progress.phase !== 'download' && progress.phase !== 'unpack') {
      stop();
      stream.write(`${progress.phase === 'sync' ? 'Writing to disk' : `LibTorch: ${progress.message}`}\n`);
      return;
    }
    const { done, total } = progress;
    if (phase !== progress.phase) {
      stop();
      phase = progress.phase;
      const format = `${TITLES[progress.phase]} {bar} {amount}`;
      bar = new SingleBar({ format, stream, hideCursor: true, barsize: 30 }, Presets.shades_classic);
      bar.start(total ?? 0, 0, { amount: '' });
    }
    if (total !== undefined) bar?.setTotal(total);
    bar?.update(done, { amount: total ? `${megabytes(done)} of ${megabytes(total)}` : megabytes(done) });
  };
  return { listener, stop };
}

/** A line for every quarter, for logs. */
function linePrinter(write: (line: string) => void): ProgressPrinter {
  let last = '';
  const listener: ProgressListener = (progress) => {
    let line: string;
    if (progress.phase === 'sync') line = 'Writing to disk';
    else if (progress.phase === 'wait' || progress.phase === 'source') line = `LibTorch: ${progress.message}`;
    else {
      const { phase, done, total } = progress;
      // Without a total: a line for every 100 MB.
      const quarter = total ? Math.floor((4 * done) / total) : Math.floor(done / 1e8);
      const key = `${phase} ${quarter}`;
      if (key === last) return;
      last = key;
      write(`${TITLES[phase]}: ${total ? `${25 * quarter}% of ${megabytes(total)}` : megabytes(done)}`);
      return;
    }
    if (line !== last) write(line);
    last = line;
  };
  return { listener, stop: () => undefined };
}

/**
 * A printer for the progress of an installation: a bar where `stream` is a terminal, else some lines.
 *
 * @param stream default stderr, so that stdout stays free for results
 */
export function createProgressPrinter(stream: NodeJS.WriteStream = process.stderr): ProgressPrinter {
  return stream.isTTY ? barPrinter(stream) : linePrinter((line) => void stream.write(`${line}\n`));
}
