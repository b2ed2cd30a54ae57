import { stat } from 'node:fs/promises';
import path from 'node:path';

import { imagesBelow } from '../../data/lists/image-files';
import {
  megafaceProbes,
  readMegafaceProbes,
  readMegafaceTemplates,
  shuffledDistractors,
  type MegafaceSetOptions,
} from '../../data/protocols/megaface';
import { readMegafaceNoises, readPathList } from '../../data/protocols/megaface-lists';
import type { RankGroup } from '../../distributed/rank-group';
import { KappaError } from '../../errors';
import {
  featureFilesBelow,
  openFeatureFiles,
  openFeatureTable,
  type FeatureRows,
} from '../../io/feature-rows';
import type { Backbone } from '../../nn/backbone';
import { featuresOfCrops, storeCrops, type CropOptions } from './crops';
import type { MegafaceData } from './evaluate';

/** Where photos or their features lie. */
export interface MegafacePlaces extends MegafaceSetOptions {
  /** FaceScrub's photos: a folder of crops or of features, or a `.npy` with its index beside it. */
  facescrub: string;
  /** MegaFace's distractors, in the same form. */
  megaface: string;
  /** Ending of the files of features, such as `_r100.bin`. @default the folders have crops */
  ending?: string;
  /** List of the probes. @default that of `lists`, else all that is there */
  facescrubList?: string;
  /** List of the distractors, where there are no `lists`. @default all that is there */
  megafaceList?: string;
  /** The devkit's `templatelists`. @default one shuffled order, of `seed` */
  lists?: string;
  seed?: number;
  /** Folder of insightface's lists of noise. @default none */
  noises?: string;
}

/** How {@link openMegaface} reads the set. */
export interface OpenMegafaceOptions extends CropOptions {
  /** Embeds crops. */
  backbone?: Backbone;
  /** Keeps the features of crops in a folder, where they go on after an interruption. @default they are not kept */
  cache?: {
    folder: string;
    /** The checkpoint of the network. */
    checkpoint: string;
    /** The ranks that share the embedding: all open the same places. */
    group?: RankGroup;
  };
  /** Told what is worth a line. */
  onMessage?: (text: string) => void;
  signal?: AbortSignal;
}

/**
 * Opens MegaFace's Challenge 1 for `evaluateMegaface`; features are read later, piece by piece.
 *
 * @throws KappaError `ERR_ARGUMENT` for crops without a network, `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_IO`,
 *   `ERR_CANCELLED`
 */
export async function openMegaface(
  places: MegafacePlaces,
  options: OpenMegafaceOptions = {},
): Promise<MegafaceData> {
  const { facescrub, megaface, lists, sizes, set, seed } = places;
  const { signal, onMessage } = options;
  const listOfProbes = places.facescrubList ?? (lists && path.join(lists, 'facescrub_features_list.json'));
  onMessage?.(`Reading the lists of ${facescrub} and ${megaface} ...`);
  const there = (place: string): Promise<readonly string[]> => namesThere(place, places, signal);
  const probes =
    listOfProbes !== undefined
      ? await readMegafaceProbes(listOfProbes, { signal })
      : megafaceProbes(await there(facescrub), facescrub);
  const distractors = lists
    ? await readMegafaceTemplates(lists, { sizes, set, signal })
    : shuffledDistractors(
        places.megafaceList === undefined
          ? await there(megaface)
          : (await readPathList(places.megafaceList, { signal })).paths,
        { sizes, set, seed },
      );
  const noises =
    places.noises === undefined ? undefined : await readMegafaceNoises(places.noises, { signal });
  const open = (which: string, place: string, names: readonly string[]): Promise<FeatureRows> =>
    openRows(which, place, names, places, options);
  const probeFeatures = await open('facescrub', facescrub, probes.names);
  try {
    const distractorFeatures = await open('megaface', megaface, distractors.names);
    return { probes, probeFeatures, distractors, distractorFeatures, ...(noises && { noises }) };
  } catch (error) {
    await probeFeatures.close();
    throw error;
  }
}

/** @param which names it in the cache */
async function openRows(
  which: string,
  place: string,
  names: readonly string[],
  { ending }: MegafacePlaces,
  { backbone, cache, signal, ...options }: OpenMegafaceOptions,
): Promise<FeatureRows> {
  if (isTable(place)) {
    const { paths } = await readPathList(await indexOf(place), { signal });
    return openFeatureTable(place, paths, names);
  }
  if (ending !== undefined) return openFeatureFiles(place, names, ending);
  if (backbone && cache) {
    const { checkpoint, group } = cache;
    const output = path.join(cache.folder, which);
    return storeCrops(backbone, place, names, { ...options, output, checkpoint, group, signal });
  }
  if (backbone) return featuresOfCrops(backbone, place, names, options);
  throw new KappaError(
    'ERR_ARGUMENT',
    `${place} is a folder: give the ending of the files of features in it, or a network for the images in it.`,
  );
}

/** What a place has, where no list says what is wanted of it. */
async function namesThere(
  place: string,
  { ending }: MegafacePlaces,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  if (isTable(place)) return (await readPathList(await indexOf(place), { signal })).paths;
  return ending === undefined ? imagesBelow(place) : featureFilesBelow(place, ending);
}

/** Whether features are in a matrix of NumPy. */
function isTable(place: string): boolean {
  return place.endsWith('.npy');
}

/** The list of what the rows of a matrix are of: `x-index.txt` or `index.txt` beside it, as `kappa embed` writes them. */
async function indexOf(table: string): Promise<string> {
  const { dir, name } = path.parse(table);
  const names = [`${name}-index.txt`, `${name}.txt`, ...(name === 'features' ? ['index.txt'] : [])];
  const candidates = names.map((file) => path.join(dir, file));
  for (const file of candidates) if (await stat(file).catch(() => undefined)) return file;
  throw new KappaError(
    'ERR_DATA_NOT_FOUND',
    `${table} has no index: a text of the paths that its rows are of, one a line, in ${candidates.join(', ')}.`,
  );
}
