import { lazyFunction } from '../lazy';

/**
 * The jobs of this room, each loaded when it is first called: a program that trains or embeds never loads them. What
 * each does in full stands at the function of the same name in its file.
 */

/** Says what a data set (a folder, a record file or a list) or a verification set holds. */
export const inspectData = lazyFunction(async () => (await import('./inspect')).inspectData);

/** Packs a folder `root/identity/...` or a `.lst` into a dataset in insightface's layout (RecordIO). */
export const packDataset = lazyFunction(async () => (await import('./pack')).packDataset);

/** Writes the images of a dataset or of a verification set as files, bytes untouched. */
export const unpackData = lazyFunction(async () => (await import('./unpack')).unpackData);

/** Checks every record of a dataset, every image of a verification set or every image file below a folder. */
export const checkData = lazyFunction(async () => (await import('./check')).checkData);

/** Checks every record of a dataset. @deprecated use {@link checkData} */
export const verifyData = checkData;

/** Splits a dataset into a training set and a verification set that have no identity in common. */
export const splitDataset = lazyFunction(async () => (await import('./split')).splitDataset);

/** Makes a verification set (`.bin`) of a folder of images and a list of pairs, such as LFW's `pairs.txt`. */
export const makePairSet = lazyFunction(async () => (await import('./pair-set')).makePairSet);

/** Aligns the faces of a folder or of a `.lst` by their landmarks, to ArcFace's template. */
export const alignImages = lazyFunction(async () => (await import('./align-images')).alignImages);

export type { AlignOptions, AlignResult } from './align-images';
export type { CheckOptions, CheckReport } from './check';
export type {
  CorruptImage,
  DataReport,
  DatasetReport,
  HistogramBin,
  ImageSurvey,
  InspectOptions,
  VerificationReport,
} from './inspect';
export type { PackOptions } from './pack';
export type { PackResult } from './pack-images';
export type { PairSetOptions, PairSetResult } from './pair-set';
export type { SplitOptions, SplitResult } from './split';
export type { UnpackOptions, UnpackResult } from './unpack';
