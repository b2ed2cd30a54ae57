import type { Command } from 'commander';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, type Action } from '../flags';
import { runLongTask } from '../long-task';
import { count, printJson, printText } from '../output';

/** Adds `kappa data unpack`. */
export function addUnpack(data: Command, action: Action): void {
  data
    .command('unpack')
    .description(
      'unpack RecordIO (train.rec) or a verification set (lfw.bin) into image files; run again to go on',
    )
    .argument('<source>', 'dataset folder or .bin file')
    .argument('<output>', 'folder to write to; no file there is overwritten')
    .option('--json', JSON_DOC)
    .action(action(unpackCommand));
}

/** `kappa data unpack`: writes the images of a dataset or a verification set as files. */
async function unpackCommand(
  source: string,
  output: string,
  options: { json?: boolean } = {},
): Promise<number> {
  const { UNPACKED_LIST, UNPACKED_PAIRS, unpackData } = await import('../../prepare/unpack');
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
  return exitCodes.ok;
}
