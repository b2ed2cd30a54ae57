import { CommanderError } from 'commander';
import { KappaError } from '../errors';
import { printError } from './print-error';
import { createProgram } from './program';

/** Exit code of a wrong command line. */
const usage = 2;

/**
 * Runs a command line.
 *
 * @param argv the arguments behind `kappa`
 * @returns the exit code: 0, 1 (failed), 2 (wrong usage) or what a command gives, such as 130 after Ctrl-C
 */
export async function run(argv: readonly string[]): Promise<number> {
  let code: number | undefined;
  const outputError = watchOutput();
  try {
    const program = createProgram((given) => (code = given));
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    code = error instanceof CommanderError ? usageCode(error) : printError(error);
  }
  await flush(process.stdout);
  const failure = outputError();
  if (failure !== undefined) code = printError(failure);
  return code ?? Number(process.exitCode ?? 0);
}

/** Runs the process's command line and sets its exit code: what the `kappa` program does. */
export function main(): void {
  // Whatever escapes from a callback is told like any other error; going on after it would not be safe.
  process.on('uncaughtException', (error) => process.exit(printError(error)));
  process.on('unhandledRejection', (error) => process.exit(printError(error)));
  void run(process.argv.slice(2)).then((code) => (process.exitCode = code));
}

/** Help and version are no errors; everything else that commander stops for is wrong usage. */
function usageCode(error: CommanderError): number {
  return error.exitCode === 0 ? 0 : usage;
}

/**
 * Keeps errors of the output streams from ending the process. A reader that went away, such as `head`, is none;
 * the stream is then silent.
 *
 * @returns a function that tells what else went wrong, if anything did
 */
function watchOutput(): () => Error | undefined {
  let failure: Error | undefined;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE')
      failure = new KappaError('ERR_IO', `Could not write to the standard output: ${error.message}.`, {
        cause: error,
      });
  });
  // There is nowhere to tell of a broken stderr.
  process.stderr.on('error', () => undefined);
  return () => failure;
}

/** Waits until a stream has passed on what was written to it, or has failed. */
async function flush(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
}
