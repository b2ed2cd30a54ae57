import type { Command } from 'commander';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, type Action } from '../flags';
import { printJson, printText } from '../output';
import { summary } from './summary';

/** Adds `kappa libtorch path`. */
export function addLibtorchPath(libtorch: Command, action: Action): void {
  libtorch
    .command('path')
    .description('print the folder of the LibTorch in use; fetches nothing')
    .option('--json', JSON_DOC)
    .action(action(libtorchPathCommand));
}

/** `kappa libtorch path`: prints the root of the LibTorch that would be used; fetches nothing. */
async function libtorchPathCommand(options: { json?: boolean } = {}): Promise<number> {
  const { findLibtorch } = await import('../../libtorch/find');
  const found = findLibtorch();
  if (options.json) printJson(summary(found));
  else printText(found.root);
  return exitCodes.ok;
}
