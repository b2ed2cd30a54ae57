import { ALIGNED_LIST, alignImages, type AlignOptions } from '../../prepare/align-images';
import { runLongTask } from '../long-task';
import { count, printJson, printText, say } from '../output';

/** `kappa data align`: aligns faces by their landmarks. */
export async function alignCommand(
  source: string,
  output: string,
  { json, ...options }: Omit<AlignOptions, 'signal' | 'onProgress'> & { json?: boolean },
): Promise<number> {
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
  return 0;
}
