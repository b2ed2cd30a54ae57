import type { Command } from 'commander';

import type { Landmarks } from '../../data/lists/landmarks';
import type { NamedFile } from '../../eval/embedding/open-faces';
import type { NamedFeatures } from '../../eval/named-features';
import type { Crop } from '../../image/convert';
import { KappaError } from '../../errors';
import { cropSquare, workerCount } from '../flags';
import type { SharedHooks } from '../share-work';
import { withModel, type ModelFlags } from './model';

/** Where the features of image files come from: a checkpoint that embeds them, or files. */
export interface FeatureFlags extends ModelFlags {
  /** Folder of the images. */
  root?: string;
  features?: string;
  mirrored?: string;
  index?: string;
  flip?: boolean;
  crop?: Crop | 'centre';
  landmarks?: string;
  workers?: number;
}

/** Adds the flags of {@link FeatureFlags} besides those of the model. */
export function addFeatureFlags(command: Command, root: string): Command {
  return command
    .option('--root <folder>', root)
    .option('--features <file>', 'features (.npy) instead of a checkpoint, with --index')
    .option('--mirrored <file>', 'features of the mirror images (.npy), which are added')
    .option('--index <file>', 'the images that the rows of --features are of, a path a line')
    .option('--landmarks <file>', 'align by these: path x1 y1 x2 y2 ... a line, 5 or 68 points')
    .option(
      '--crop <square>',
      'without landmarks: cut out centre (half the shorter side, of images that are not of the size), or left,top,side (default: centre)',
      cropSquare,
    )
    .option('--workers <threads>', 'threads that decode images, 0 for none', workerCount);
}

/** What embedding files needs to know of them. */
export interface FilesToEmbed {
  name: string;
  files: readonly NamedFile[];
}

/**
 * Takes features from where the flags say.
 *
 * @param list lists the files that are to be embedded; is told the landmarks
 * @returns what `use` makes of them, and the model: folder of the checkpoint, or file of features
 */
export async function withFeatures<Result>(
  target: string | undefined,
  flags: FeatureFlags,
  hooks: SharedHooks,
  list: (landmarks: Landmarks | undefined) => Promise<FilesToEmbed>,
  use: (features: NamedFeatures) => Result | Promise<Result>,
): Promise<{ result: Result; model: string; checkpoint: string | undefined }> {
  checkFeatureFlags(target, flags);
  const { embedFiles, readNamedFeatures } = await import('../../eval/named-features');
  const { features, mirrored, index } = flags;
  if (features !== undefined) {
    const result = await use(await readNamedFeatures({ features, mirrored, index: index! }));
    return { result, model: features, checkpoint: undefined };
  }
  const { readLandmarks } = await import('../../data/lists/landmarks');
  const { useThreads } = await import('./model');
  const landmarks = flags.landmarks === undefined ? undefined : await readLandmarks(flags.landmarks);
  const { name, files } = await list(landmarks);
  await useThreads(flags);
  return withModel(target!, { ...flags, device: hooks.device }, async (backbone, checkpoint) => {
    const { batchSize, workers, flip, crop = 'centre' } = flags;
    const run = { batchSize, workers, flip, landmarks, crop, ...hooks };
    const result = await use(await embedFiles(backbone, files, name, run));
    return { result, model: checkpoint, checkpoint };
  });
}

/** @throws KappaError `ERR_USAGE` for flags that do not go together */
export function checkFeatureFlags(target: string | undefined, flags: FeatureFlags): void {
  const usage = (text: string): KappaError => new KappaError('ERR_USAGE', text);
  if ((target === undefined) === (flags.features === undefined))
    throw usage('Expected a checkpoint, or --features: one of them.');
  if ((flags.features === undefined) !== (flags.index === undefined))
    throw usage('--features and --index go together.');
  if (flags.mirrored !== undefined && flags.features === undefined)
    throw usage('--mirrored goes with --features.');
  if (target !== undefined && flags.root === undefined)
    throw usage('--root is needed: the folder of the images.');
}
