import { ioError, KappaError } from '../errors';
import { isDebug } from '../config/env';

/** Exit code of a command that failed. */
const failed = 1;
/** Exit code of a wrong command line. */
const usage = 2;

/**
 * Tells the user of an error on stderr, without a stack unless KAPPA_DEBUG is on.
 *
 * @returns the exit code that goes with it
 */
export function printError(error: unknown): number {
  const known = toKappaError(error);
  if (known !== undefined) {
    write(`error [${known.code}]: ${known.message}`);
    if (isDebug()) write(stackOf(error));
    return known.code === 'ERR_USAGE' ? usage : failed;
  }
  write(`error [ERR_INTERNAL]: ${error instanceof Error ? error.message : String(error)}`);
  write(
    'This is a defect of kappaface. Please report it, with the command, what KAPPA_DEBUG=1 prints of it and the ' +
      'output of kappa doctor.',
  );
  if (isDebug()) write(stackOf(error));
  return failed;
}

/** Errors made on purpose, and what the operating system refused. */
function toKappaError(error: unknown): KappaError | undefined {
  if (error instanceof KappaError) return error;
  const { syscall, path, code } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || syscall === undefined || code === undefined) return undefined;
  return ioError(error, syscall, path ?? '(no path given)');
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\nCaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

function write(text: string): void {
  process.stderr.write(`${text}\n`);
}
