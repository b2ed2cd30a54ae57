import { stat } from 'node:fs/promises';
import path from 'node:path';

import { readEnvironment } from '../env';
import type { ResolvedConfig } from '../config/schema';
import { FaceDataset } from '../data/face-dataset';
import type { FaceSource } from '../data/sources/option-types';
import type { SynthOptions } from '../synth/options';
import { KappaError } from '../errors';

/** The set that a run trains on. */
export interface TrainingSet {
  dataset: FaceDataset;
  /** The folder of the set, or of its first source. */
  root: string;
  /** The folder that the verification sets lie in. */
  validationRoot: string;
}

/**
 * Opens the set that a config trains on; draws the embedded synthetic set where that is asked for.
 *
 * @param say told what takes long, and what was wrong but could be helped
 * @param signal ends what takes long with ERR_CANCELLED
 * @param keepIndexes whether what a scan found may be kept beside the data
 * @throws KappaError `ERR_DATA_NOT_FOUND` with the layout that is expected and where to get the set, and whatever
 *   FaceDataset.open throws
 */
export async function openTrainingSet(
  config: ResolvedConfig,
  say: (text: string) => void,
  signal?: AbortSignal,
  keepIndexes = true,
): Promise<TrainingSet> {
  const { data } = config;
  const sources = await findSources(config, say, signal);
  const dataset = await FaceDataset.open(sources, {
    numClasses: data.numClasses ?? undefined,
    imageSize: [data.imageSize, data.imageSize],
    rebuildIndex: data.rebuildIndex,
    cache: keepIndexes,
    onMessage: say,
    onProgress: tenthsOf(say),
    signal,
  });
  const [first] = sources;
  const place = first?.root ?? first?.list ?? '';
  const root = /\.(rec|lst)$/.test(place) ? path.dirname(place) : place;
  return { dataset, root, validationRoot: data.validationRoot ?? root };
}

async function findSources(
  config: ResolvedConfig,
  say: (text: string) => void,
  signal?: AbortSignal,
): Promise<FaceSource[]> {
  const { root, sources, skipList, synthetic } = config.data;
  if (sources.length > 0) {
    for (const { root: place, list } of sources) await mustExist(config, list ?? place ?? '', 'data.sources');
    return sources as FaceSource[];
  }
  if (root !== null) {
    await mustExist(config, root, 'data.root');
    return [{ root, skipList: skipList ?? undefined }];
  }
  const say10 = tenthsOf(
    say,
    (total) => `Drawing the synthetic face set (${total} images, only this once) ...`,
  );
  const folder = path.join(readEnvironment().cache, 'synth');
  const { ensureSynthSet } = await import('../synth/ensure');
  const drawn = await ensureSynthSet(folder, (synthetic ?? {}) as Partial<SynthOptions>, {
    onProgress: ({ images, totalImages }) => say10(images, totalImages),
    signal,
  });
  return [{ root: drawn }];
}

async function mustExist(config: ResolvedConfig, place: string, option: string): Promise<void> {
  const found = await stat(place).catch(() => undefined);
  const isOther = found?.isDirectory() === false && !/\.(rec|lst)$/.test(place);
  if (found && !isOther) return;
  const why = found ? 'is neither a folder nor a .rec or .lst file' : 'does not exist';
  throw new KappaError(
    'ERR_DATA_NOT_FOUND',
    [
      `The data set of config '${config.name}' was not found: ${path.resolve(place)} ${why}.`,
      'Expected layout: train.rec, train.idx and property in one folder, verification sets (lfw.bin, ...) beside them; or a folder of images with a folder for each identity.',
      ...(config.data.source ? [config.data.source] : []),
      `Point to it with --set ${option}=${option === 'data.root' ? 'FOLDER' : "'[{ root: FOLDER }]'"}.`,
    ].join('\n'),
  );
}

/** Tells each tenth that is reached of something long. */
function tenthsOf(
  say: (text: string) => void,
  title: (total: number) => string = () => 'Reading the data set ...',
): (done: number, total: number) => void {
  let tenths = -1;
  return (done, total) => {
    const reached = Math.floor((done / Math.max(1, total)) * 10);
    if (tenths < 0) say(title(total));
    else if (reached > tenths) say(`  ${reached * 10}%`);
    tenths = reached;
  };
}
