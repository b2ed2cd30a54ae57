import { Option, type Command } from 'commander';
import type { PairSetOptions } from '../../prepare/pair-set';
import { exitCodes } from '../exit-codes';
import { addRenamed, JSON_DOC, wholeNumber, workerCount, type Action } from '../flags';
import { runLongTask } from '../long-task';
import { count, printJson, printText } from '../output';
import { addConversion, LANDMARKS_DOC, OVERWRITE_DOC, WORKERS_DOC } from './flags';

/** Adds `kappa data pairs`, which was `kappa data lfw`. */
export function addPairs(data: Command, action: Action): void {
  addRenamed(data, { name: 'pairs', oldName: 'lfw' }, (command) => {
    command
      .description(
        'make lfw.bin, cfp_fp.bin, agedb_30.bin and the like of image files and a list of pairs: LFW, CALFW, CPLFW, CFP, AgeDB',
      )
      .argument('<images>', 'folder that the paths of the pairs are relative to')
      .argument(
        '<pairs>',
        "LFW's pairs.txt, a list of path1 path2 1|0, two lines path flag a pair, or CFP's Protocol",
      )
      .argument('<output>', 'folder to write to')
      .option('--name <name>', 'name of the verification set (default: lfw)')
      .option('--landmarks <file>', `${LANDMARKS_DOC}; without it images are cropped`)
      .addOption(new Option('--protocol <name>', 'protocol of CFP (default: fp)').choices(['fp', 'ff']))
      .option('--train', 'also pack a training set of the people who occur in no pair')
      .option('--people <file>', "train only on the people of a file like LFW's people.txt; implies --train")
      .option('--min-images <number>', 'train only on people with so many images (default: 1)', wholeNumber);
    addConversion(command)
      .option('--overwrite', OVERWRITE_DOC)
      .option('--workers <threads>', WORKERS_DOC, workerCount)
      .option('--json', JSON_DOC)
      .action(action(pairsCommand));
  });
}

/** `kappa data pairs`: makes a verification set of an image folder and a list of pairs. */
async function pairsCommand(
  images: string,
  pairs: string,
  output: string,
  { json, ...options }: Omit<PairSetOptions, 'signal' | 'onProgress' | 'onMessage'> & { json?: boolean },
): Promise<number> {
  const { makePairSet } = await import('../../prepare/pair-set');
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
  return exitCodes.ok;
}
