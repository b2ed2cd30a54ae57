import type { Command } from 'commander';
import type { SplitOptions } from '../../prepare/split';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, seedNumber, wholeNumber, type Action } from '../flags';
import { runLongTask } from '../long-task';
import { count, printJson, printText } from '../output';
import { OVERWRITE_DOC } from './flags';

/** Adds `kappa data split`. */
export function addSplit(data: Command, action: Action): void {
  data
    .command('split')
    .description('split a dataset by identity into a training set and a verification set of other people')
    .argument('<source>', 'dataset folder')
    .argument('<output>', 'folder of the training set and the verification set')
    .option('--identities <number>', 'people in the verification set (default: a tenth)', wholeNumber)
    .option(
      '--pairs <number>',
      'verification pairs, half of each kind (default: 6000, or as many as there are)',
      wholeNumber,
    )
    .option('--folds <number>', 'folds that share no person where possible (default: 10)', wholeNumber)
    .option('--seed <number>', 'seed of what is drawn (default: 1)', seedNumber)
    .option('--name <name>', 'name of the verification set (default: heldout)')
    .option('--overwrite', OVERWRITE_DOC)
    .option('--json', JSON_DOC)
    .action(action(splitCommand));
}

/** `kappa data split`: splits a dataset into training and verification people. */
async function splitCommand(
  source: string,
  output: string,
  { json, ...options }: Omit<SplitOptions, 'signal' | 'onProgress' | 'onMessage'> & { json?: boolean },
): Promise<number> {
  const { splitDataset } = await import('../../prepare/split');
  const run = await runLongTask('Writing images', (hooks) =>
    splitDataset(source, output, { ...options, ...hooks }),
  );
  if ('exitCode' in run) return run.exitCode;
  const { result, seconds } = run;
  if (json) printJson({ ...result, seconds });
  else {
    const folds = result.foldsDisjoint
      ? 'no person in two folds'
      : 'people occur in several folds: they are too few';
    printText(`${count(result.images)} images of ${count(result.classes)} classes in ${output}.`);
    printText(
      `${count(result.pairs)} pairs of ${count(result.heldOutClasses)} other people in ${result.verification} (${folds}), ${seconds.toFixed(1)} s.`,
    );
  }
  return exitCodes.ok;
}
