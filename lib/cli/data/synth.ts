import path from 'node:path';
import type { Command } from 'commander';
import { KappaError } from '../../errors';
import { synthOptions, type SynthOptions } from '../../synth/options';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, plainNumber, workerCount, type Action } from '../flags';
import { runLongTask } from '../long-task';
import { printJson, printText } from '../output';
import { WORKERS_DOC } from './flags';

/** Options of `kappa data synth`; those of the set are described at `SynthOptions`. */
export interface SynthCommandOptions extends Partial<SynthOptions> {
  /** PNG file to write a contact sheet to, with or without a set. */
  sheet?: string;
  /** Worker threads. @default one for each core, at most 16 */
  workers?: number;
  /** Print one JSON value on stdout. */
  json?: boolean;
}

/** Adds `kappa data synth`. */
export function addSynth(data: Command, action: Action): void {
  const synth = data
    .command('synth')
    .description('draw a synthetic face dataset in the insightface layout, to try things without a download')
    .argument('[output]', 'folder to write the set to')
    .option('--sheet <file>', 'PNG file to write a contact sheet to, with or without a set');
  // One flag for each option of the set; values are checked by the set itself.
  for (const [name, { doc, initial }] of Object.entries(synthOptions)) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    synth.option(`--${flag} <number>`, `${doc} (default: ${initial})`, plainNumber);
  }
  synth
    .option('--workers <threads>', WORKERS_DOC, workerCount)
    .option('--json', JSON_DOC)
    .action(action(synthCommand));
}

/** `kappa data synth`: draws a synthetic face set, a contact sheet of it, or both. */
async function synthCommand(
  output: string | undefined,
  { sheet, workers, json, ...given }: SynthCommandOptions,
): Promise<number> {
  if (output === undefined && sheet === undefined)
    throw new KappaError(
      'ERR_USAGE',
      'There is nothing to write: name a folder for the set, --sheet FILE.png, or both.',
    );
  const { planSynthSet, resolveSynthOptions, SYNTH_VERIFICATION_FILE, synthesize, writeContactSheet } =
    await import('../../synth');
  const options = resolveSynthOptions(given);
  const { train, pairs } = planSynthSet(options);
  const run = await runLongTask('Drawing faces', async ({ signal, onProgress }) => {
    if (output !== undefined)
      await synthesize(output, options, {
        workers,
        signal,
        onProgress: ({ images, totalImages }) => onProgress(images, totalImages),
      });
    if (sheet !== undefined) await writeContactSheet(sheet, options, { signal });
  });
  if ('exitCode' in run) return run.exitCode;
  const { seconds } = run;
  const trainImages = train.reduce((sum, person) => sum + person.images, 0);
  if (json)
    printJson({
      output,
      sheet,
      identities: train.length,
      trainImages,
      pairs: pairs.length,
      seconds,
      options,
    });
  else {
    if (output !== undefined)
      printText(
        `${train.length} people with ${trainImages} images in ${output}, ${pairs.length} pairs of other people in ` +
          `${path.join(output, SYNTH_VERIFICATION_FILE)}, ${seconds.toFixed(1)} s.`,
      );
    if (sheet !== undefined) printText(`Contact sheet in ${sheet}.`);
  }
  return exitCodes.ok;
}
