import { SingleBar } from 'cli-progress';
import path from 'node:path';
import {
  planSynthSet,
  resolveSynthOptions,
  SYNTH_VERIFICATION_FILE,
  synthesize,
  writeContactSheet,
  type SynthOptions,
} from '../../synth';
import { KappaError } from '../../errors';

/** Options of `kappa data synth`; those of the set are described at `SynthOptions`. */
export interface SynthCommandOptions extends Partial<SynthOptions> {
  /** Folder to write the set to. */
  output?: string;
  /** PNG file to write a contact sheet to, with or without a set. */
  sheet?: string;
  /** Worker threads. @default one for each core, at most 16 */
  workers?: number;
  /** Print one JSON value on stdout. */
  json?: boolean;
}

/** `kappa data synth`: draws a synthetic face set, a contact sheet of it, or both. */
export async function synthCommand(options: SynthCommandOptions): Promise<void> {
  const { output, sheet, workers, json, ...given } = options;
  if (output === undefined && sheet === undefined) {
    throw new KappaError(
      'ERR_USAGE',
      'Nothing to write: give --output FOLDER for the set, --sheet FILE.png, or both.',
    );
  }
  const resolved = resolveSynthOptions(pickSetOptions(given));
  const { train, pairs } = planSynthSet(resolved);
  const trainImages = train.reduce((sum, person) => sum + person.images, 0);
  const started = Date.now();
  if (output !== undefined) await drawWithProgress(output, resolved, workers);
  if (sheet !== undefined) await writeContactSheet(sheet, resolved);
  const seconds = (Date.now() - started) / 1000;

  if (json) {
    const summary = { output, sheet, identities: train.length, trainImages, pairs: pairs.length, seconds };
    process.stdout.write(`${JSON.stringify({ ...summary, options: resolved })}\n`);
    return;
  }
  if (output !== undefined) {
    const verification = path.join(output, SYNTH_VERIFICATION_FILE);
    process.stdout.write(
      `${train.length} people with ${trainImages} images in ${output}, ${pairs.length} pairs of other people in ` +
        `${verification}, ${seconds.toFixed(1)} s.\n`,
    );
  }
  if (sheet !== undefined) process.stdout.write(`Contact sheet in ${sheet}.\n`);
}

/** Leaves out what a command line parser may add, such as its own options. */
function pickSetOptions(given: Partial<SynthOptions>): Partial<SynthOptions> {
  const { seed, identities, maxImages, singletons, verificationIdentities, pairs, verificationDifficulty } =
    given;
  return { seed, identities, maxImages, singletons, verificationIdentities, pairs, verificationDifficulty };
}

async function drawWithProgress(output: string, options: SynthOptions, workers?: number): Promise<void> {
  const bar = new SingleBar({
    format: 'Drawing faces {bar} {value} of {total} | {eta_formatted} left',
    stream: process.stderr,
    hideCursor: true,
  });
  let started = false;
  try {
    await synthesize(output, options, {
      workers,
      onProgress: ({ images, totalImages }) => {
        if (!started) bar.start(totalImages, images);
        else bar.update(images);
        started = true;
      },
    });
  } finally {
    if (started) bar.stop();
  }
}
