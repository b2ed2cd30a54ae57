import { ioError, KappaError, type KappaErrorCode, isError, messageOf } from '../errors';
import { isDebug, usesColor } from '../env';
import { exitCodes } from './exit-codes';

/**
 * Tells the user of an error on stderr, without a stack unless KAPPA_DEBUG is on.
 *
 * @returns the exit code that goes with it
 */
export function printError(error: unknown): number {
  const known = toKappaError(error);
  if (known !== undefined) {
    write(`${label(known.code)} ${known.message}`);
    if (isDebug()) write(stackOf(error));
    return known.code === 'ERR_USAGE' ? exitCodes.usage : exitCodes.failed;
  }
  write(`${label('ERR_INTERNAL')} ${messageOf(error)}`);
  write(
    'This is a defect of kappaface. Please report it, with the command, what KAPPA_DEBUG=1 prints of it and the ' +
      'output of kappa doctor.',
  );
  if (isDebug()) write(stackOf(error));
  return exitCodes.failed;
}

function label(code: KappaErrorCode): string {
  const text = `error [${code}]:`;
  return process.stderr.isTTY && usesColor() ? `\x1b[31m${text}\x1b[39m` : text;
}

/** Errors made on purpose, and what the operating system refused. */
function toKappaError(error: unknown): KappaError | undefined {
  if (error instanceof KappaError) return error;
  if (!isError(error)) return undefined;
  const { syscall, path, code } = error as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined) return undefined;
  return ioError(error, syscall, path ?? '(no path given)');
}

function stackOf(error: unknown): string {
  if (!isError(error)) return String(error);
  const cause = error.cause === undefined ? '' : `\nCaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

function write(text: string): void {
  process.stderr.write(`${text}\n`);
}
