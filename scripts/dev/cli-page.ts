import type { Argument, Command, Option } from 'commander';
import { createProgram } from '../../lib/cli/program';

const introduction = `# Commands

\`kappa\` prints results on stdout and everything else on stderr. With \`--json\` the result is one JSON value. Exit codes:
0 done, 1 failed (or a check found something bad), 2 wrong command line, 130 and 143 ended by SIGINT and SIGTERM.
Configs and their options: [config.md](config.md).
`;

function cell(text: string): string {
  return text.replace(/\|/g, '\\|');
}

function rows(head: string, lines: readonly (readonly [string, string])[]): string {
  if (lines.length === 0) return '';
  const body = lines.map(([name, doc]) => `| \`${name}\` | ${cell(doc)} |`).join('\n');
  return `| ${head} | Meaning |\n| --- | --- |\n${body}\n\n`;
}

function argumentRow(argument: Argument): [string, string] {
  return [argument.required ? `<${argument.name()}>` : `[${argument.name()}]`, argument.description];
}

function optionRow(option: Option): [string, string] {
  const choices = option.argChoices ? ` (${option.argChoices.join(', ')})` : '';
  return [option.flags, `${option.description}${choices}${option.mandatory ? ' (required)' : ''}`];
}

/** A command with what is below it; hidden commands are old names. */
function commandText(command: Command, path: readonly string[]): string {
  const help = command.createHelp();
  const below = help.visibleCommands(command).filter((other) => other.name() !== 'help');
  if (below.length > 0) return below.map((other) => commandText(other, [...path, other.name()])).join('');
  const options = help.visibleOptions(command).filter((option) => option.long !== '--help');
  const usage = ['kappa', ...path, command.usage()].join(' ');
  return [
    `## kappa ${path.join(' ')}\n\n`,
    `${command.description().charAt(0).toUpperCase()}${command.description().slice(1)}.\n\n`,
    `\`\`\`\n${usage}\n\`\`\`\n\n`,
    rows('Argument', command.registeredArguments.map(argumentRow)),
    rows('Option', options.map(optionRow)),
  ].join('');
}

/** docs/reference/cli.md. */
export function cliPage(): string {
  return `${introduction}\n${commandText(
    createProgram(() => undefined),
    [],
  )}`;
}
