import { makePairSet, type PairSetOptions } from '../../prepare/pair-set';
import { runLongTask } from '../long-task';
import { count, printJson, printText } from '../output';

/** `kappa data lfw`: makes a verification set of an image folder and a list of pairs. */
export async function lfwCommand(
  images: string,
  pairs: string,
  output: string,
  { json, ...options }: Omit<PairSetOptions, 'signal' | 'onProgress'> & { json?: boolean },
): Promise<number> {
  const run = await runLongTask('Converting images', (hooks) =>
    makePairSet(images, pairs, output, { ...options, ...hooks }),
  );
  if ('exitCode' in run) return run.exitCode;
  const { result, seconds } = run;
  if (json) printJson({ ...result, seconds });
  else {
    const { same, train, verification, distinctImages } = result;
    printText(
      `${count(result.pairs)} pairs (${count(same)} same, ${count(result.pairs - same)} different) of ${count(distinctImages)} images in ${verification}.`,
    );
    if (train)
      printText(`${count(train.images)} images of ${count(train.classes)} other people in ${output}.`);
    printText(`Done in ${seconds.toFixed(1)} s.`);
  }
  return 0;
}
