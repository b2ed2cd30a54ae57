import path from 'node:path';
import { KappaError, argumentError } from '../errors';
import { removeStalePartials, writeFileAtomically } from '../files/atomic-file';
import { CLASSES_FILE, readClassNames } from '../data/layout/class-names';
import { FaceDataset } from '../data/face-dataset';
import { FaceDatasetWriter } from '../data/layout/face-dataset-writer';
import { Xoshiro128, shuffle } from '../random';
import { writeVerificationSet } from '../data/protocols/verification-set';
import { drawPairs } from './draw-pairs';
import { mustBeFree } from '../files/write-once';

/** How {@link splitDataset} splits. */
export interface SplitOptions {
  /** Identities that leave the training set; only those with two images or more can be drawn. @default a tenth of them */
  identities?: number;
  /** Verification pairs, a multiple of twice the folds. @default 6000, or as many as separate folds give */
  pairs?: number;
  /** @default 10 */
  folds?: number;
  /** Seed of what is drawn. @default 1 */
  seed?: number;
  /** Name of the verification set. @default 'heldout' */
  name?: string;
  /** Replace a dataset that is there already. @default false */
  overwrite?: boolean;
  signal?: AbortSignal;
  /** Called now and then. */
  onProgress?: (done: number, total: number) => void;
  /** Told what is worth a line, such as what was wrong but could be helped. */
  onMessage?: (text: string) => void;
}

/** What {@link splitDataset} wrote. */
export interface SplitResult {
  output: string;
  /** The training set. */
  images: number;
  classes: number;
  /** The verification set. */
  verification: string;
  heldOutClasses: number;
  pairs: number;
  foldsDisjoint: boolean;
}

/** File that tells how a split was drawn. */
const SPLIT_FILE = 'split.json';

/**
 * Splits a dataset into a training set and a verification set that have no identity in common. Pairs are drawn
 * by LFW's protocol, in each fold as many of one person as of two; the same seed gives the same files. Image bytes pass through untouched. `property` is written
 * last: an interrupted run is simply started again.
 *
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_ARGUMENT, ERR_IO, ERR_CANCELLED
 */
export async function splitDataset(
  source: string,
  output: string,
  options: SplitOptions = {},
): Promise<SplitResult> {
  const { folds = 10, seed = 1, name = 'heldout', signal } = options;
  if (!/^[\w.-]+$/.test(name) || name.startsWith('.'))
    throw argumentError('name', 'letters, digits, dots, dashes and underscores', name);
  if (!Number.isInteger(seed)) throw argumentError('seed', 'a whole number', seed);
  if (path.resolve(source) === path.resolve(output))
    throw argumentError('output', 'another folder than that of the dataset itself', output);
  await mustBeFree(path.join(output, 'train.rec'), options.overwrite);
  const dataset = await FaceDataset.open(source, { allowEmptyClasses: true, onMessage: options.onMessage });
  try {
    const names = await readClassNames(path.join(source, CLASSES_FILE), dataset.numClasses);
    const images = imagesOfClasses(dataset);
    const heldOut = drawIdentities(dataset.samplesPerClass, options.identities, seed);
    const isHeldOut = new Set(heldOut);
    const train = images.flatMap((list, label) => (list.length > 0 && !isHeldOut.has(label) ? [label] : []));
    if (train.length === 0)
      throw argumentError(
        'identities',
        `fewer than ${heldOut.length} of ${dataset.numClasses} classes`,
        heldOut.length,
      );
    const drawn = drawPairs(
      heldOut.map((label) => images[label]!),
      { pairs: options.pairs, folds, seed },
    );
    const nameOf = (label: number) => names?.[label] ?? String(label);
    await removeStalePartials(output);

    const writer = await FaceDatasetWriter.create(output, { imageSize: dataset.imageSize });
    try {
      const total = train.reduce((sum, label) => sum + images[label]!.length, 0);
      for (const label of train) {
        if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Splitting ${source} was interrupted.`);
        writer.beginIdentity();
        for (const index of images[label]!) await writer.add(dataset.read(index).image);
        options.onProgress?.(writer.numImages, total);
      }
      const verification = path.join(output, `${name}.bin`);
      await writeVerificationSet(verification, {
        images: drawn.pairs.flatMap(({ a, b }) => [dataset.read(a).image, dataset.read(b).image]),
        isSame: drawn.pairs.map(({ isSame }) => isSame),
      });
      const { foldsDisjoint } = drawn;
      const facts = { seed, pairs: drawn.pairs.length, folds, foldsDisjoint, heldOut: heldOut.map(nameOf) };
      const text = `${JSON.stringify(facts, null, 2)}\n`;
      await writeFileAtomically(path.join(output, SPLIT_FILE), (file) => file.writeFile(text));
      const { numClasses, numImages } = await writer.close(train.map(nameOf));
      return {
        output,
        images: numImages,
        classes: numClasses,
        verification,
        heldOutClasses: heldOut.length,
        pairs: drawn.pairs.length,
        foldsDisjoint,
      };
    } finally {
      await writer.abort();
    }
  } finally {
    dataset.close();
  }
}

/** The samples of each class, in the order of their keys. */
function imagesOfClasses(dataset: FaceDataset): number[][] {
  const classes = Array.from({ length: dataset.numClasses }, (): number[] => []);
  dataset.labels.forEach((label, index) => classes[label]!.push(index));
  return classes;
}

/** Draws the identities of the verification set, in ascending order. */
function drawIdentities(samplesPerClass: Uint32Array, wanted: number | undefined, seed: number): number[] {
  const usable = Uint32Array.from(
    [...samplesPerClass.keys()].filter((label) => samplesPerClass[label]! >= 2),
  );
  const count = wanted ?? Math.max(2, Math.round(usable.length / 10));
  if (!Number.isInteger(count) || count < 2 || count > usable.length)
    throw argumentError(
      'identities',
      `a whole number from 2 to ${usable.length}, the number of classes with two images or more,`,
      count,
    );
  shuffle(usable, Xoshiro128.fromSeed(seed, 0x1de27));
  return [...usable.subarray(0, count)].sort((a, b) => a - b);
}
