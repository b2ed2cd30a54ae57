import { packDataset, type PackOptions } from '../../prepare/pack';
import { runLongTask } from '../long-task';
import { count, printJson, printText, say } from '../output';

/** `kappa data pack`: packs a folder or a `.lst` into a dataset. */
export async function packCommand(
  source: string,
  output: string,
  { json, ...options }: Omit<PackOptions, 'signal' | 'onProgress'> & { json?: boolean },
): Promise<number> {
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
  return 0;
}
