import type { WorkerEnvironment } from '../worker-environment';
import type { LinkMessage } from './link-messages';

/** A worker's side of the channel to its launcher. Without a launcher nothing of it does anything. */
export interface LauncherLink {
  /** Whether there is a launcher. */
  readonly isLinked: boolean;
  /** Tells the launcher why this process is about to fail; the first that is told counts. Resolves when it is sent. */
  reportFailure(failure: { code?: string; message: string }): Promise<void>;
  /** Tells the launcher how far the training is; it says so where a process fails. */
  reportProgress(step: number): void;
  /** The work is over: a launcher that goes away now is no concern any more. */
  close(): void;
}

export interface LauncherLinkOptions {
  /**
   * The launcher is gone, be it killed: nobody is left who would end this process, which must end by itself within
   * seconds.
   */
  onLost: () => void;
}

/**
 * Joins a process to the `kappa launch` that started it. The channel keeps no process alive.
 *
 * @param environment what the process knows of its run; only `kappa launch` gives its workers a channel
 */
export function linkToLauncher(
  environment: WorkerEnvironment | undefined,
  { onLost }: LauncherLinkOptions,
): LauncherLink {
  const isLinked = environment?.source === 'launch' && process.send !== undefined;
  if (!isLinked)
    return {
      isLinked,
      reportFailure: () => Promise.resolve(),
      reportProgress: () => undefined,
      close: () => undefined,
    };
  process.channel?.unref();
  if (process.connected) process.once('disconnect', onLost);
  // It went away before anybody listened.
  else setImmediate(onLost);
  const send = (message: LinkMessage): Promise<void> =>
    new Promise((resolve) => {
      // That the launcher is gone is told by the end of the channel.
      if (process.connected) process.send!(message, undefined, undefined, () => resolve());
      else resolve();
    });
  return {
    isLinked,
    reportFailure: ({ code, message }) =>
      send({ kappa: 'failure', ...(code === undefined ? {} : { code }), message }),
    reportProgress: (step) => void send({ kappa: 'progress', step }),
    close: () => void process.off('disconnect', onLost),
  };
}
