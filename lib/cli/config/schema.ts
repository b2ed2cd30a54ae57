import type { Command } from 'commander';
import { exitCodes } from '../exit-codes';
import type { Action } from '../flags';
import { printJson } from '../output';

/** Adds `kappa config schema`. */
export function addConfigSchema(config: Command, action: Action): void {
  config
    .command('schema')
    .description(
      'print the JSON schema of configs, by which editors complete and check JSON and YAML configs',
    )
    .addHelpText(
      'after',
      '\nWrite it to a file and name that in a config: "$schema": "./kappa.schema.json" in JSON,\n# yaml-language-server: $schema=kappa.schema.json as the first line in YAML.',
    )
    .action(action(configSchemaCommand));
}

/** `kappa config schema`: prints the JSON schema of configs. */
async function configSchemaCommand(): Promise<number> {
  const { configJsonSchema } = await import('../../config/json-schema');
  printJson(configJsonSchema());
  return exitCodes.ok;
}
