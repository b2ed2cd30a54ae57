import { UNPACKED_LIST, UNPACKED_PAIRS, unpackData } from '../../prepare/unpack';
import { runLongTask } from '../long-task';
import { count, printJson, printText } from '../output';

/** `kappa data unpack`: writes the images of a dataset or a verification set as files. */
export async function unpackCommand(
  source: string,
  output: string,
  options: { json?: boolean } = {},
): Promise<number> {
  const run = await runLongTask('Unpacking images', (hooks) => unpackData(source, output, hooks));
  if ('exitCode' in run) return run.exitCode;
  const { result, seconds } = run;
  if (options.json) printJson({ ...result, seconds });
  else {
    const { images, classes, pairs, kept } = result;
    const what = pairs === undefined ? `${count(classes!)} classes` : `${count(pairs)} pairs`;
    const list = pairs === undefined ? UNPACKED_LIST : UNPACKED_PAIRS;
    const before = kept > 0 ? `, ${count(kept)} of them written before` : '';
    printText(
      `${count(images)} images of ${what} in ${output}${before}; listed in ${list}, ${seconds.toFixed(1)} s.`,
    );
  }
  return 0;
}
