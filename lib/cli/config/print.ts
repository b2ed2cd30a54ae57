import type { Command } from 'commander';
import { exitCodes } from '../exit-codes';
import { collect, configHelp, JSON_DOC, SET_DOC, type Action } from '../flags';
import { printJson } from '../output';

/** Adds `kappa config print`. */
export function addConfigPrint(config: Command, action: Action): void {
  config
    .command('print')
    .description('print a config with every default filled in and every option explained, as YAML')
    .argument('<config>', 'config file, like configs/base')
    .option('--set <path=value>', SET_DOC, collect, [])
    .option('--json', JSON_DOC)
    .addHelpText('after', configHelp)
    .action(action(configPrintCommand));
}

/** `kappa config print`: prints a config with every default filled in, as YAML with doc lines or as JSON. */
async function configPrintCommand(
  path: string,
  options: { set?: readonly string[]; json?: boolean } = {},
): Promise<number> {
  const { loadConfig } = await import('../../config/load');
  const { formatConfig } = await import('../../config/print');
  const config = await loadConfig(path, options.set);
  if (options.json) printJson(config);
  else process.stdout.write(formatConfig(config));
  return exitCodes.ok;
}
