import type { Command } from 'commander';
import type { AlignOptions } from '../../prepare/align-images';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, wholeNumber, workerCount, type Action } from '../flags';
import { runLongTask } from '../long-task';
import { count, printJson, printText, say } from '../output';
import { formatOption, LANDMARKS_DOC, WORKERS_DOC } from './flags';

/** Adds `kappa data align`. */
export function addAlign(data: Command, action: Action): void {
  data
    .command('align')
    .description('align faces by five or 68 landmarks to 112 x 112 (ArcFace template); run again to go on')
    .argument('<source>', 'folder with images, or a .lst')
    .argument('<output>', 'folder to write to; no file there is overwritten')
    .option('--landmarks <file>', `${LANDMARKS_DOC} (default: the five points of the .lst)`)
    .option(
      '--root <folder>',
      'folder that the paths of the .lst are relative to (default: that of the .lst)',
    )
    .option('--size <pixels>', 'side of the aligned faces (default: 112)', wholeNumber)
    .addOption(formatOption('format of the aligned faces (default: jpeg)'))
    .option('--quality <number>', 'quality of JPEG and WebP, 1 to 100 (default: 95)', wholeNumber)
    .option('--skip-bad', 'leave out images that cannot be aligned')
    .option('--workers <threads>', WORKERS_DOC, workerCount)
    .option('--json', JSON_DOC)
    .action(action(alignCommand));
}

/** `kappa data align`: aligns faces by their landmarks. */
async function alignCommand(
  source: string,
  output: string,
  { json, ...options }: Omit<AlignOptions, 'signal' | 'onProgress' | 'onMessage'> & { json?: boolean },
): Promise<number> {
  const { ALIGNED_LIST, alignImages } = await import('../../prepare/align-images');
  const run = await runLongTask('Aligning faces', (hooks) =>
    alignImages(source, output, { ...options, ...hooks }),
  );
  if ('exitCode' in run) return run.exitCode;
  const { result, seconds } = run;
  for (const { reason } of result.skipped.slice(0, 20)) say(`skipped: ${reason}`);
  if (json) printJson({ ...result, seconds });
  else {
    const { images, kept, skipped } = result;
    const before = kept > 0 ? `, ${count(kept)} of them written before` : '';
    const left = skipped.length > 0 ? `; ${count(skipped.length)} were skipped` : '';
    printText(`${count(images)} aligned faces in ${output}${before}${left}, ${seconds.toFixed(1)} s.`);
    if (source.endsWith('.lst'))
      printText(`Pack them with: kappa data pack ${output}/${ALIGNED_LIST} FOLDER`);
  }
  return exitCodes.ok;
}
