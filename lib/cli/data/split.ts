import { splitDataset, type SplitOptions } from '../../prepare/split';
import { runLongTask } from '../long-task';
import { count, printJson, printText } from '../output';

/** `kappa data split`: splits a dataset into training and verification people. */
export async function splitCommand(
  source: string,
  output: string,
  { json, ...options }: Omit<SplitOptions, 'signal' | 'onProgress'> & { json?: boolean },
): Promise<number> {
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
  return 0;
}
