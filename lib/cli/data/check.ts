import { verifyData, type VerifyOptions } from '../../prepare/check';
import { runLongTask } from '../long-task';
import { count, printJson, printText, say } from '../output';

const SHOWN = 20;
const LISTED_IN_JSON = 1000;

/** `kappa data verify`: checks every record. Resolves to 1 where something is bad. */
export async function verifyCommand(
  source: string,
  { json, ...options }: Pick<VerifyOptions, 'list' | 'anySize' | 'workers'> & { json?: boolean } = {},
): Promise<number> {
  const run = await runLongTask('Checking images', (hooks) => verifyData(source, { ...options, ...hooks }));
  if ('exitCode' in run) return run.exitCode;
  const { bad, problems, checked, list, kind } = run.result;
  const fails = bad.length + problems.length > 0;
  if (json) {
    printJson({ ...run.result, numBad: bad.length, bad: bad.slice(0, LISTED_IN_JSON), seconds: run.seconds });
    return fails ? 1 : 0;
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
  return fails ? 1 : 0;
}
