import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { ioError, KappaError } from '../../errors';
import { missingFile } from '../../image/read-file';
import { openFeatureTable, roomForRows, type FeatureRows } from '../../io/feature-rows';
import type { Backbone } from '../../nn/backbone';
import { embedImages, type EmbedOptions } from '../embed';
import { fileFaces } from '../embedding/open-faces';
import { storeFeatures, type StoreFeaturesOptions } from '../embedding/store-features';

export type CropOptions = Pick<EmbedOptions, 'batchSize' | 'onProgress'>;

/** Images that are read and embedded at once. */
const PIECE = 1024;

/**
 * Features of aligned crops, which are embedded when they are read: each is that of the image plus that of its mirror image.
 *
 * @param names paths below the folder
 */
export function featuresOfCrops(
  backbone: Backbone,
  root: string,
  names: readonly string[],
  { batchSize, onProgress }: CropOptions = {},
): FeatureRows {
  const { embeddingSize: dimension } = backbone.options;
  let done = 0;
  return {
    count: names.length,
    dimension,
    read: async (rows, { signal } = {}) => {
      const out = roomForRows(rows.length, dimension);
      for (let from = 0; from < rows.length; from += PIECE) {
        const files = Array.from(rows.subarray(from, from + PIECE), (row) => path.join(root, names[row]!));
        const images = await Promise.all(files.map(readCrop));
        const { data } = await embedImages(backbone, images, { batchSize, name: root, signal });
        out.set(data, from * dimension);
        onProgress?.((done += files.length), names.length);
      }
      return out;
    },
    close: () => Promise.resolve(),
  };
}

/** Where the features of crops are kept, and who shares the work. */
export interface StoredCropOptions extends Pick<
  StoreFeaturesOptions,
  'checkpoint' | 'batchSize' | 'group' | 'onProgress' | 'onMessage' | 'signal'
> {
  /** The folder that gets them. */
  output: string;
}

/**
 * Embeds aligned crops into a folder, on all ranks: what was interrupted goes on there. Otherwise as
 * {@link featuresOfCrops}. They can be read on rank 0.
 *
 * @throws KappaError as `storeFeatures`
 */
export async function storeCrops(
  backbone: Backbone,
  root: string,
  names: readonly string[],
  options: StoredCropOptions,
): Promise<FeatureRows> {
  const files = names.map((name) => ({ name, file: path.join(root, name) }));
  const { features } = await storeFeatures(backbone, fileFaces(files, root), options);
  const { rank = 0 } = options.group ?? {};
  if (rank === 0) return openFeatureTable(features, names, names);
  const elsewhere = new KappaError('ERR_ARGUMENT', `The features of ${root} are where rank 0 is.`);
  return {
    count: names.length,
    dimension: backbone.options.embeddingSize,
    read: () => Promise.reject(elsewhere),
    close: () => Promise.resolve(),
  };
}

async function readCrop(file: string): Promise<Buffer> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', missingFile(file), { cause: error });
    throw ioError(error, 'read', file);
  });
}
