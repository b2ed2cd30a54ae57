import type { Command } from 'commander';
import { KappaError } from '../errors';
import { exitCodes } from './exit-codes';
import { JSON_DOC, type Action } from './flags';
import { printJson, printText, say } from './output';

/** Options of `kappa report`. */
export interface ReportCommandOptions {
  /** Where the page, or the tables, go. */
  output?: string;
  /** Show the hardest pairs. */
  pictures?: boolean;
  /** Tables of Markdown instead of the page. */
  markdown?: boolean;
  json?: boolean;
}

/** Adds `kappa report`. */
export function addReport(program: Command, action: Action): void {
  program
    .command('report')
    .description(
      "one HTML page about runs, which works offline: training curves, margins and concentrations, evaluations beside the paper's figures; several runs are compared",
    )
    .argument('<run...>', 'folders of runs, or of evaluations that kappa eval --out wrote')
    .option('--output <file>', 'the page (default: report.html in the run, of several runs in this folder)')
    .option('--pictures', 'show the hardest pairs of evaluations as pictures')
    .option('--markdown', 'only the tables, in Markdown, on stdout or into --output')
    .option('--json', `print where the page is: ${JSON_DOC}`)
    .action(action(reportCommand));
}

/** `kappa report`: writes a page about runs. */
async function reportCommand(runs: readonly string[], options: ReportCommandOptions): Promise<number> {
  const { output, pictures, markdown, json } = options;
  if (markdown && (pictures || json))
    throw new KappaError('ERR_USAGE', '--markdown goes with neither --pictures nor --json.');
  const { reportTables, writeReport } = await import('../report/report');
  if (markdown) {
    const text = await reportTables(runs);
    if (text === '') {
      say('No run has an evaluation or a verification yet.');
      return exitCodes.ok;
    }
    if (output === undefined) printText(text.trimEnd());
    else {
      const { writeFileAtomically } = await import('../files/atomic-file');
      await writeFileAtomically(output, (handle) => handle.writeFile(text));
      say(`Tables: ${output}`);
    }
    return exitCodes.ok;
  }
  const file = await writeReport(runs, output ?? (runs.length > 1 ? 'report.html' : undefined), {
    pictures,
    onMessage: say,
  });
  if (json) printJson({ report: file });
  else printText(file);
  return exitCodes.ok;
}
