import path from 'node:path';

import type { Backbone } from '../../nn/backbone';
import type { AboutFeatures } from './about-features';
import { DEFAULT_BATCH_SIZE, embedFaces, type EmbeddingRun } from './embed-faces';
import type { FaceInputs } from './face-inputs';
import { MegafaceStore, NpyStore, type FeatureStore } from './feature-files';
import { FeatureFolder } from './feature-folder';
import { fingerprintOfFaces, fingerprintOfModel } from './fingerprint';

/** Where and how {@link storeFeatures} writes. */
export interface StoreFeaturesOptions extends EmbeddingRun {
  /** A folder, or with `npy` the file of the features (`.npy`), beside which the others come to lie. */
  output: string;
  /** The checkpoint, for whoever reads where features came from. */
  checkpoint: string;
  /** Mirror images: left out, added to the faces, or in a matrix of their own. @default 'add' */
  mirror?: 'none' | 'add' | 'separate';
  /** Brings each feature to length 1, after adding. @default false */
  normalize?: boolean;
  /** One matrix of NumPy, or a file for each feature as MegaFace's devkit has them. @default 'npy' */
  format?: 'npy' | 'megaface';
  /** What follows the image's path in the names of MegaFace's files. @default '_kappaface.bin' */
  ending?: string;
  /** Begins anew where something else is. @default false: that is an error */
  overwrite?: boolean;
  /** Told what is worth a line. */
  onMessage?: (text: string) => void;
}

/** Where features came to lie. */
export interface StoredFeatures {
  /** `features.npy`, or the folder of MegaFace's files. */
  readonly features: string;
  /** `mirrored.npy`, where they are kept apart. */
  readonly mirrored?: string;
  /** What the rows are of, a name a line. */
  readonly index: string;
  /** How they were made. */
  readonly about: string;
  readonly rows: number;
  readonly columns: number;
}

export const MEGAFACE_ENDING = '_kappaface.bin';

/**
 * Embeds faces into files, piece by piece: memory does not grow with their number, and what was interrupted goes on where
 * it ended, if model, faces and options are the same. Rank 0 writes; the bytes are the same whatever the number of ranks.
 *
 * @throws KappaError `ERR_ARGUMENT` where features of something else are there, `ERR_LOCKED`, `ERR_DATA_NOT_FOUND`,
 *   `ERR_DATA_CORRUPT`, `ERR_IO`, `ERR_CANCELLED`, `ERR_PEER`, `ERR_CONFIG`
 */
export async function storeFeatures(
  backbone: Backbone,
  inputs: FaceInputs,
  options: StoreFeaturesOptions,
): Promise<StoredFeatures> {
  const { checkpoint, mirror = 'add', normalize = false, format = 'npy', overwrite, onMessage } = options;
  const { batchSize = DEFAULT_BATCH_SIZE, group } = options;
  const { embeddingSize: columns, imageSize, device } = backbone.options;
  const { length: rows, crop } = inputs;
  const ending = options.ending ?? MEGAFACE_ENDING;
  const places = placesOf(options.output, format);
  const model = await fingerprintOfModel(backbone);
  const faces = fingerprintOfFaces(inputs);
  const flags = {
    batchSize,
    imageSize,
    device,
    mirror,
    normalize,
    format,
    ...(format === 'megaface' && { ending }),
    ...(crop !== undefined && { crop: JSON.stringify(crop) }),
  };
  const about: AboutFeatures = {
    format: 'kappaface-features',
    version: 1,
    checkpoint,
    model,
    faces,
    flags,
    rows,
    columns,
    done: 0,
  };
  const open = async (): Promise<FeatureFolder> => {
    const names = Array.from({ length: rows }, (_, i) => inputs.nameOf(i));
    const stores: FeatureStore[] =
      format === 'megaface'
        ? [new MegafaceStore(places.features, names, ending, columns)]
        : [new NpyStore(places.features, rows, columns)];
    if (mirror === 'separate') stores.push(new NpyStore(places.mirrored, rows, columns));
    const finish = (features: Float32Array): Float32Array =>
      normalize ? atLengthOne(features, columns) : features;
    const asRows = (plain: Float32Array, mirrored: Float32Array | undefined): Float32Array[] => {
      if (mirror === 'separate') return [finish(plain), finish(mirrored!)];
      return [finish(mirrored ? plain.map((value, i) => value + mirrored[i]!) : plain)];
    };
    return FeatureFolder.open({ places, about, names, stores, rows: asRows, overwrite, onMessage });
  };
  await embedFaces(backbone, inputs, (group?.rank ?? 0) === 0 ? open : undefined, {
    ...options,
    mirrors: mirror !== 'none',
    // On a GPU each rank has its own device.
    fingerprint: JSON.stringify([model, faces, { ...flags, device: device.replace(/:.*/, '') }]),
  });
  return {
    features: places.features,
    ...(mirror === 'separate' && { mirrored: places.mirrored }),
    index: places.index,
    about: places.about,
    rows,
    columns,
  };
}

/** `features.npy` and the others in a folder; beside a file `x.npy` they are `x-mirrored.npy`, `x-index.txt`, `x.json`. */
function placesOf(output: string, format: 'npy' | 'megaface') {
  if (format === 'npy' && output.endsWith('.npy')) {
    const stem = output.slice(0, -'.npy'.length);
    return {
      features: output,
      mirrored: `${stem}-mirrored.npy`,
      index: `${stem}-index.txt`,
      about: `${stem}.json`,
    };
  }
  return {
    features: format === 'npy' ? path.join(output, 'features.npy') : output,
    mirrored: path.join(output, 'mirrored.npy'),
    index: path.join(output, 'index.txt'),
    about: path.join(output, 'features.json'),
  };
}

/** Rows at length 1, computed in float64; one of length 0 stays. */
function atLengthOne(rows: Float32Array, columns: number): Float32Array {
  const result = new Float32Array(rows.length);
  for (let first = 0; first < rows.length; first += columns) {
    let sum = 0;
    for (let i = first; i < first + columns; i++) sum += rows[i]! ** 2;
    const scale = sum === 0 ? 1 : 1 / Math.sqrt(sum);
    for (let i = first; i < first + columns; i++) result[i] = rows[i]! * scale;
  }
  return result;
}
