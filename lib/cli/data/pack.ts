import type { Command } from 'commander';
import type { PackOptions } from '../../prepare/pack';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, workerCount, type Action } from '../flags';
import { runLongTask } from '../long-task';
import { count, printJson, printText, say } from '../output';
import { addConversion, LANDMARKS_DOC, OVERWRITE_DOC, WORKERS_DOC } from './flags';

/** Adds `kappa data pack`. */
export function addPack(data: Command, action: Action): void {
  const pack = data
    .command('pack')
    .description(
      'pack images into RecordIO (train.rec, train.idx, property, classes.json), as insightface has it',
    )
    .argument('<source>', 'folder with a folder for each identity, or a .lst')
    .argument('<output>', 'folder of the dataset')
    .option(
      '--root <folder>',
      'folder that the paths of the .lst are relative to (default: that of the .lst)',
    )
    .option('--align', 'align faces by the five points of the .lst')
    .option('--landmarks <file>', `${LANDMARKS_DOC}; aligns`)
    .option('--relabel', 'number the labels of the .lst anew where they have gaps')
    .option('--classes <file>', 'label map (classes.json) that the identities of a folder follow')
    .option('--skip-bad', 'leave out images that cannot be used, and list them in skipped.txt');
  addConversion(pack)
    .option('--overwrite', OVERWRITE_DOC)
    .option('--workers <threads>', WORKERS_DOC, workerCount)
    .option('--json', JSON_DOC)
    .action(action(packCommand));
}

/** `kappa data pack`: packs a folder or a `.lst` into a dataset. */
async function packCommand(
  source: string,
  output: string,
  { json, ...options }: Omit<PackOptions, 'signal' | 'onProgress' | 'onMessage'> & { json?: boolean },
): Promise<number> {
  const { packDataset } = await import('../../prepare/pack');
  const run = await runLongTask('Packing images', (hooks) =>
    packDataset(source, output, { ...options, ...hooks }),
  );
  if ('exitCode' in run) return run.exitCode;
  const { result, seconds } = run;
  for (const { reason } of result.skipped.slice(0, 20)) say(`skipped: ${reason}`);
  if (result.skipped.length > 20) say(`... and ${count(result.skipped.length - 20)} more`);
  if (json) printJson({ ...result, seconds });
  else {
    printText(
      `${count(result.images)} images of ${count(result.classes)} classes in ${output}, ${seconds.toFixed(1)} s.`,
    );
    if (result.skipped.length > 0)
      printText(
        `${count(result.skipped.length)} images were skipped (skipped.txt), ${count(result.droppedClasses.length)} classes with them.`,
      );
  }
  return exitCodes.ok;
}
