import type { Command } from 'commander';
import type { CheckOptions } from '../../prepare/check';
import { exitCodes } from '../exit-codes';
import { addRenamed, JSON_DOC, workerCount, type Action } from '../flags';
import { runLongTask } from '../long-task';
import { count, printJson, printText, say } from '../output';
import { WORKERS_DOC } from './flags';

const SHOWN = 20;
const LISTED_IN_JSON = 1000;

/** Adds `kappa data check`, which was `kappa data verify`. */
export function addCheck(data: Command, action: Action): void {
  addRenamed(data, { name: 'check', oldName: 'verify' }, (command) =>
    command
      .description(
        'check every record of a dataset: structure, label, that the image decodes, its size; exit code 1 if any is bad',
      )
      .argument('<source>', 'dataset folder, .bin file, or folder with image files')
      .option('--list <file>', 'write the bad records to a list that training can skip')
      .option('--any-size', 'accept images of other sizes than property says')
      .option('--workers <threads>', WORKERS_DOC, workerCount)
      .option('--json', JSON_DOC)
      .action(action(checkCommand)),
  );
}

/** `kappa data check`: checks every record. Resolves to 1 where something is bad. */
async function checkCommand(
  source: string,
  { json, ...options }: Pick<CheckOptions, 'list' | 'anySize' | 'workers'> & { json?: boolean } = {},
): Promise<number> {
  const { checkData } = await import('../../prepare/check');
  const run = await runLongTask('Checking images', (hooks) => checkData(source, { ...options, ...hooks }));
  if ('exitCode' in run) return run.exitCode;
  const { bad, problems, checked, list, kind } = run.result;
  const fails = bad.length + problems.length > 0;
  const exitCode = fails ? exitCodes.failed : exitCodes.ok;
  if (json) {
    printJson({ ...run.result, numBad: bad.length, bad: bad.slice(0, LISTED_IN_JSON), seconds: run.seconds });
    return exitCode;
  }
  for (const problem of problems) say(problem);
  for (const { key, reason } of bad.slice(0, SHOWN))
    say(`${kind === 'folder' ? '' : 'record '}${key}: ${reason}`);
  if (bad.length > SHOWN) say(`... and ${count(bad.length - SHOWN)} more`);
  const what = kind === 'dataset' ? 'records' : 'images';
  printText(
    fails
      ? `${count(checked)} ${what} checked in ${run.seconds.toFixed(1)} s: ${count(bad.length)} bad, ${count(problems.length)} problems of the whole.`
      : `${count(checked)} ${what} checked in ${run.seconds.toFixed(1)} s: all good.`,
  );
  if (list !== undefined) printText(`The list of bad ${what} is in ${list}.`);
  else if (bad.length > 0) say('Write a list that training can skip with --list FILE.');
  return exitCode;
}
