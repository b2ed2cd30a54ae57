import { Option, type Command } from 'commander';

import type { Crop } from '../image/convert';
import type { StoredFeatures } from '../eval/embedding/store-features';
import { addModelFlags, useThreads, withModel, type ModelFlags } from './eval/model';
import { exitCodes } from './exit-codes';
import { cropSquare, JSON_DOC, workerCount, type Action } from './flags';
import { count, printJson, printText } from './output';
import { shareWork } from './share-work';

/** Options of `kappa embed`. */
export interface EmbedCommandOptions extends ModelFlags {
  output: string;
  mirror?: 'none' | 'add' | 'separate';
  normalize?: boolean;
  format: 'npy' | 'megaface';
  ending?: string;
  root?: string;
  landmarks?: string;
  crop?: Crop | 'centre';
  overwrite?: boolean;
  workers?: number;
  json?: boolean;
}

/** Adds `kappa embed`. */
export function addEmbed(program: Command, action: Action): void {
  const command = program
    .command('embed')
    .description(
      'embed images into files of features (.npy with an index, or the .bin files of MegaFace); run again to go on',
    )
    .argument('<checkpoint>', "a checkpoint's folder, or a run")
    .argument(
      '<inputs...>',
      'images, folders of images, .rec, .lst, text lists (a path a line, with landmarks or without), .bin sets',
    )
    .requiredOption('--output <place>', 'folder for the features, or the .npy file')
    .addOption(
      new Option(
        '--mirror <what>',
        'mirror images: left out, added to the faces, or in a matrix of their own (default: separate; of MegaFace add)',
      ).choices(['none', 'add', 'separate']),
    )
    .option('--normalize', 'bring each feature to length 1 (of MegaFace always)')
    .addOption(
      new Option('--format <name>', 'one matrix, or a file for each feature as the devkit of MegaFace has it')
        .choices(['npy', 'megaface'])
        .default('npy'),
    )
    .option('--ending <text>', "what follows the image's path in MegaFace's files (default: _kappaface.bin)")
    .option('--root <folder>', 'folder that the paths of lists are relative to (default: that of each list)')
    .option('--landmarks <file>', 'landmarks to align by: path x1 y1 x2 y2 ... a line, 5 or 68 points')
    .option('--crop <square>', 'cut out first: centre (half the shorter side), or left,top,side', cropSquare)
    .option('--overwrite', 'begin anew, whatever is there')
    .option(
      '--workers <threads>',
      'threads that decode images, 0 for none (default: one for each core, at most 8)',
      workerCount,
    );
  addModelFlags(command).option('--json', JSON_DOC).action(action(embedCommand));
}

/** `kappa embed`: embeds images into files. */
async function embedCommand(
  target: string,
  inputs: readonly string[],
  options: EmbedCommandOptions,
): Promise<number> {
  const { KappaError } = await import('../errors');
  const { format } = options;
  const isMegaface = format === 'megaface';
  if (isMegaface && options.mirror === 'separate')
    throw new KappaError('ERR_USAGE', 'MegaFace has one feature an image: --mirror add, or none.');
  if (!isMegaface && options.ending !== undefined)
    throw new KappaError('ERR_USAGE', '--ending goes with --format megaface.');
  const mirror = options.mirror ?? (isMegaface ? 'add' : 'separate');
  const run = await shareWork('Embedding images', { ...options, target }, async (hooks) => {
    const { openFaces } = await import('../eval/embedding/open-faces');
    const { storeFeatures } = await import('../eval/embedding/store-features');
    const { readLandmarks } = await import('../data/lists/landmarks');
    await useThreads(options);
    const landmarks = options.landmarks === undefined ? undefined : await readLandmarks(options.landmarks);
    const faces = await openFaces(inputs, { ...options, landmarks, ...hooks });
    try {
      return await withModel(target, { ...options, device: hooks.device }, (backbone, checkpoint) => {
        const { output, ending, overwrite, batchSize, workers } = options;
        const normalize = isMegaface || options.normalize;
        const files = { output, ending, overwrite, format, mirror, normalize };
        return storeFeatures(backbone, faces, { ...files, checkpoint, batchSize, workers, ...hooks });
      });
    } finally {
      faces.close();
    }
  });
  if ('exitCode' in run) return run.exitCode;
  if (!run.isFirst) return exitCodes.ok;
  const { result, seconds } = run;
  if (options.json) printJson({ ...result, seconds });
  else printText(formatStored(result, seconds));
  return exitCodes.ok;
}

function formatStored({ features, mirrored, index, rows, columns }: StoredFeatures, seconds: number): string {
  const also = mirrored === undefined ? '' : `, those of the mirror images in ${mirrored}`;
  return `${count(rows)} features of ${columns} numbers in ${features}${also}; what they are of in ${index}. ${seconds.toFixed(1)} s.`;
}
