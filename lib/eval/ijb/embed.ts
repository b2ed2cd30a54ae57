import path from 'node:path';

import type { IjbSet } from '../../data/protocols/ijb';
import type { RankGroup } from '../../distributed/rank-group';
import type { Point } from '../../image/similarity';
import { readNpy } from '../../io/npy';
import type { Backbone } from '../../nn/backbone';
import { Tensor } from '../../tensor/tensor';
import { embedFaces, type EmbedFacesOptions, type EmbeddingRun } from '../embedding/embed-faces';
import type { FaceInputs } from '../embedding/face-inputs';
import { FeatureMemory } from '../embedding/feature-sink';
import { fingerprintOfFaces, fingerprintOfModel } from '../embedding/fingerprint';
import { storeFeatures } from '../embedding/store-features';
import type { IjbFeatures } from './verify';

/** How {@link embedIjb} embeds. */
export interface EmbedIjbOptions extends EmbeddingRun {
  /** Leaves the mirror images out. @default true */
  flip?: boolean;
  /**
   * Folder that keeps the features while they are computed, and afterwards: what was interrupted goes on where it ended,
   * if model, faces and options are the same. With several ranks all of them see it. @default none
   */
  cache?: string;
  /** The checkpoint, for whoever looks into the cache. */
  checkpoint?: string;
  /** Told what is worth a line. */
  onMessage?: (text: string) => void;
}

/**
 * Embeds the faces of IJB-B or IJB-C: each is cut out of its image in `loose_crop` by its five landmarks, bilinear, as
 * insightface does.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT` naming the image, `ERR_CANCELLED`, `ERR_PEER`; of a cache
 *   `ERR_ARGUMENT` where it is of something else, `ERR_LOCKED`, `ERR_IO`
 */
export async function embedIjb(
  backbone: Backbone,
  set: IjbSet,
  { flip = true, cache, checkpoint = '', ...options }: EmbedIjbOptions = {},
): Promise<IjbFeatures> {
  const faces = ijbFaces(set);
  const { embeddingSize: columns } = backbone.options;
  const tensor = (data: Float32Array, rows: number): Promise<Tensor> =>
    Promise.resolve(Tensor.from(data, [rows, columns], { copy: false }));
  if (cache !== undefined) {
    const mirror = flip ? 'separate' : 'none';
    const stored = await storeFeatures(backbone, faces, { ...options, output: cache, checkpoint, mirror });
    const read = async (file: string): Promise<Tensor> => {
      const { data, rows } = await readNpy(file);
      return tensor(data, rows);
    };
    const plain = await read(stored.features);
    return { plain, ...(stored.mirrored !== undefined && { mirrored: await read(stored.mirrored) }) };
  }
  const memory = new FeatureMemory(faces.length, columns, flip);
  const run = await memoryRun(backbone, faces, { ...options, flip });
  await embedFaces(backbone, faces, () => Promise.resolve(memory), run);
  const { plain, mirrored } = memory;
  return {
    plain: await tensor(plain, faces.length),
    ...(mirrored && { mirrored: await tensor(mirrored, faces.length) }),
  };
}

/**
 * Embeds this rank's share of the faces for rank 0, which calls {@link embedIjb} with the same set and options, and keeps
 * nothing: the features of IJB-C are gigabytes.
 *
 * @throws KappaError as {@link embedIjb}
 */
export async function shareIjb(
  backbone: Backbone,
  set: IjbSet,
  { flip = true, cache, checkpoint = '', ...options }: EmbedIjbOptions & { group: RankGroup },
): Promise<void> {
  const faces = ijbFaces(set);
  if (cache === undefined) {
    await embedFaces(backbone, faces, undefined, await memoryRun(backbone, faces, { ...options, flip }));
    return;
  }
  const mirror = flip ? 'separate' : 'none';
  await storeFeatures(backbone, faces, { ...options, output: cache, checkpoint, mirror });
}

/** How features are embedded that stay in memory. */
async function memoryRun(
  backbone: Backbone,
  faces: FaceInputs,
  { flip, ...run }: EmbeddingRun & { flip: boolean },
): Promise<EmbedFacesOptions> {
  // Faces and weights may differ where ranks are on several machines.
  const fingerprint = run.group && `${await fingerprintOfModel(backbone)} ${fingerprintOfFaces(faces)}`;
  return { ...run, mirrors: flip, fingerprint };
}

/** The faces of a set, by the names of their images. */
export function ijbFaces({ root, name, faces }: IjbSet): FaceInputs {
  return {
    name,
    length: faces.names.length,
    nameOf: (index) => faces.names[index]!,
    at: (index) => {
      const image = faces.names[index]!;
      const first = 10 * index;
      const points = Array.from({ length: 5 }, (_, p): Point => [
        faces.landmarks[first + 2 * p]!,
        faces.landmarks[first + 2 * p + 1]!,
      ]);
      return { where: `${name}: ${image}`, file: path.join(root, 'loose_crop', image), points };
    },
  };
}
