import { CommanderError } from 'commander';
import { KappaError } from '../errors';
import { exitCodes } from './exit-codes';
import { printError } from './print-error';
import { createProgram, VERSION_ASKED } from './program';
import { versionCommand } from './version';

/**
 * Runs a command line.
 *
 * @param argv the arguments behind `kappa`
 * @returns one of `exitCodes`
 */
export async function run(argv: readonly string[]): Promise<number> {
  let code: number | undefined;
  const output = watchOutput();
  try {
    const program = createProgram((given) => (code = given));
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) code = printError(error);
    else if (error.code === VERSION_ASKED) code = await versionCommand({ json: argv.includes('--json') });
    else code = usageCode(error);
  }
  const failure = await output.end();
  if (failure !== undefined) code = printError(failure);
  return code ?? exitCodes.ok;
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
  return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}

/**
 * Keeps errors of the output streams from ending the process. A reader that went away, such as `head`, is none;
 * the stream is then silent.
 *
 * @returns `end` waits for what was written, stops watching and tells what else went wrong, if anything did
 */
function watchOutput(): { end: () => Promise<Error | undefined> } {
  let failure: Error | undefined;
  const onOutputError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') return;
    const message = `Could not write to the standard output: ${error.message}.`;
    failure = new KappaError('ERR_IO', message, { cause: error });
  };
  // There is nowhere to tell of a broken stderr.
  const onStderrError = (): void => undefined;
  process.stdout.on('error', onOutputError);
  process.stderr.on('error', onStderrError);
  return {
    end: async () => {
      await flush(process.stdout);
      await flush(process.stderr);
      process.stdout.removeListener('error', onOutputError);
      process.stderr.removeListener('error', onStderrError);
      return failure;
    },
  };
}

/** Waits until a stream has passed on what was written to it, or has failed and said so. */
async function flush(stream: NodeJS.WriteStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write('', () => setImmediate(resolve)));
}
