import { KappaError } from '../errors';
import { exitCodes } from './exit-codes';

const signals = ['SIGINT', 'SIGTERM'] as const;

/** What work sees of Ctrl-C. */
export interface Interruption {
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Exit code of the signal that came; `ok` while none has. */
  readonly exitCode: number;
  /** The signal that came. */
  readonly name: (typeof signals)[number] | undefined;
}

export interface InterruptionOptions {
  /** Tells the person who pressed Ctrl-C. */
  say: (text: string) => void;
  /** What the first signal makes the work do, like `writing a checkpoint after this step`. @default 'stopping' */
  ending?: string;
  /** What is done, at once, before a second signal ends the process. */
  onLeave?: () => void;
}

/**
 * Runs work that the first SIGINT or SIGTERM ends in order and a second one at once: the one handling of Ctrl-C.
 *
 * @returns the result, or the exit code where a signal ended the work
 */
export async function interruptible<Result>(
  { say, ending = 'stopping', onLeave }: InterruptionOptions,
  work: (interruption: Interruption) => Promise<Result>,
): Promise<{ result: Result } | { exitCode: number }> {
  const controller = new AbortController();
  let exitCode: number = exitCodes.ok;
  let came: (typeof signals)[number] | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    came = name as (typeof signals)[number];
    exitCode = exitCodes[came];
    if (controller.signal.aborted) {
      onLeave?.();
      process.exit(exitCode);
    }
    say(`${name}: ${ending} (once more to leave at once) ...`);
    controller.abort();
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    const interruption = {
      signal: controller.signal,
      get exitCode() {
        return exitCode;
      },
      get name() {
        return came;
      },
    };
    return { result: await work(interruption) };
  } catch (error) {
    const cancelled = error instanceof KappaError && error.code === 'ERR_CANCELLED';
    if (!cancelled || !controller.signal.aborted) throw error;
    say(error.message);
    return { exitCode };
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}
