import { fieldAt } from '../options/fields';
import { configSchema } from './schema';

/** The sections of a config and what each is about, for the help of commands that take a config. */
export function configHelp(): string {
  const schema = configSchema();
  const names = fieldAt(schema, [], {})?.keys ?? [];
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const lines = names.map((name) => `  ${name.padEnd(width)}${fieldAt(schema, [name], {})?.doc ?? ''}`);
  return [
    '',
    'Options of a config (--set section.option=value):',
    ...lines,
    'kappa config print CONFIG explains every option of every section.',
  ].join('\n');
}
