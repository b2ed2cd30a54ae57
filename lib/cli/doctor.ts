import type { Command } from 'commander';
import type { Check } from '../libtorch/build/tools';
import { exitCodes } from './exit-codes';
import { JSON_DOC, type Action } from './flags';
import { printJson, printText } from './output';

/** Adds `kappa doctor`. */
export function addDoctor(program: Command, action: Action): void {
  program
    .command('doctor')
    .description('check the installation: what is there, what is missing and what to do')
    .option('--json', JSON_DOC)
    .action(action(doctorCommand));
}

/**
 * `kappa doctor`: prints what is installed, what is missing and what to do. Resolves to 1 where something that is
 * needed is missing.
 */
async function doctorCommand(options: { json?: boolean } = {}): Promise<number> {
  const { diagnose } = await import('../libtorch/doctor');
  const checks = await diagnose();
  const ok = checks.every(({ status }) => status !== 'missing');
  if (options.json) printJson({ ok, checks });
  else {
    const width = Math.max(...checks.map(({ name }) => name.length));
    const verdict = ok ? 'Everything that is needed is there.' : 'Something that is needed is missing.';
    printText(`${checks.map((check) => formatCheck(check, width)).join('\n')}\n\n${verdict}`);
  }
  return ok ? exitCodes.ok : exitCodes.failed;
}

function formatCheck({ name, status, detail, remedy }: Check, width: number): string {
  const line = `${status.padEnd(8)} ${name.padEnd(width)} ${detail}`;
  return remedy === undefined ? line : `${line}\n${' '.repeat(width + 10)}what to do: ${remedy}`;
}
