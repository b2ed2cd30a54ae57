import { lazyFunction } from '../lazy';

/**
 * The field's larger benchmarks, each loaded when it is first called. What each does in full stands at the function of the
 * same name in its file.
 */

/** Reads IJB-B or IJB-C as insightface distributes them. */
export const readIjb = lazyFunction(async () => (await import('../data/protocols/ijb')).readIjb);

/** Reads the lists of IJB's 1:N protocols. */
export const readIjbIdentification = lazyFunction(
  async () => (await import('../data/protocols/ijb-identification')).readIjbIdentification,
);

/** Embeds the faces of IJB-B or IJB-C, cut out by their landmarks. */
export const embedIjb = lazyFunction(async () => (await import('./ijb/embed')).embedIjb);

/** Verifies the pairs of templates of IJB-B or IJB-C, 1:1. */
export const evaluateIjbVerification = lazyFunction(
  async () => (await import('./ijb/verify')).evaluateIjbVerification,
);

/** Looks for the people of IJB's probes in its galleries, 1:N, by both protocols in use. */
export const evaluateIjbIdentification = lazyFunction(
  async () => (await import('./ijb/identify')).evaluateIjbIdentification,
);

/** The templates of a set. */
export const poolIjb = lazyFunction(async () => (await import('./ijb/verify')).poolIjb);

/** Similarities of the pairs of a set. */
export const scorePairs = lazyFunction(async () => (await import('./ijb/verify')).scorePairs);

/** The ROC of millions of similarities, by scikit-learn's rules. */
export const pairRoc = lazyFunction(async () => (await import('./pair-roc')).pairRoc);

/** Opens MegaFace: lists, and features or crops, which are read later. */
export const openMegaface = lazyFunction(async () => (await import('./megaface/open-data')).openMegaface);

/** Reads MegaFace's list of probes. */
export const readMegafaceProbes = lazyFunction(
  async () => (await import('../data/protocols/megaface')).readMegafaceProbes,
);

/** Reads the lists of MegaFace's distractors that its devkit has. */
export const readMegafaceTemplates = lazyFunction(
  async () => (await import('../data/protocols/megaface')).readMegafaceTemplates,
);

/** Sets of distractors from one shuffled order, where there are no lists. */
export const shuffleDistractors = lazyFunction(async () => {
  const { shuffledDistractors } = await import('../data/protocols/megaface');
  return (...given: Parameters<typeof shuffledDistractors>) => Promise.resolve(shuffledDistractors(...given));
});

/** Reads insightface's lists of noise in MegaFace. */
export const readMegafaceNoises = lazyFunction(
  async () => (await import('../data/protocols/megaface-lists')).readMegafaceNoises,
);

/** Identifies FaceScrub's photos among MegaFace's distractors, and verifies them. */
export const evaluateMegaface = lazyFunction(
  async () => (await import('./megaface/evaluate')).evaluateMegaface,
);

/** Writes results as MegaFace's devkit does. */
export const writeMegafaceFiles = lazyFunction(
  async () => (await import('./megaface/devkit-files')).writeMegafaceFiles,
);

/** Opens a folder with a file for each feature, as MegaFace's devkit takes them. */
export const openFeatureFiles = lazyFunction(
  async () => (await import('../io/feature-rows')).openFeatureFiles,
);

/** Opens features in a matrix of NumPy. */
export const openFeatureTable = lazyFunction(
  async () => (await import('../io/feature-rows')).openFeatureTable,
);

/** Finds the rows with the largest dot products, exactly. */
export const topRows = lazyFunction(async () => (await import('./top-rows')).topRows);

/** Reads a matrix of NumPy. */
export const readNpy = lazyFunction(async () => (await import('../io/npy')).readNpy);

/** Writes a matrix as NumPy does. */
export const writeNpy = lazyFunction(async () => (await import('../io/npy')).writeNpy);

/** The record of a verification set, with intervals. */
export const recordVerification = lazyFunction(
  async () => (await import('./verification-record')).recordVerification,
);

/** IJB 1:1, and its record with intervals. */
export const recordIjbVerification = lazyFunction(
  async () => (await import('./ijb/record')).recordIjbVerification,
);

/** IJB 1:N, and its record with intervals. */
export const recordIjbIdentification = lazyFunction(
  async () => (await import('./ijb/record')).recordIjbIdentification,
);

/** Writes an evaluation, as JSON and as a page of Markdown. */
export const writeRecord = lazyFunction(async () => (await import('./records/files')).writeRecord);

/** Reads an evaluation. */
export const readRecord = lazyFunction(async () => (await import('./records/files')).readRecord);

/** The evaluations of a folder. */
export const readRecords = lazyFunction(async () => (await import('./records/files')).readRecords);

/** Compares two models on one benchmark. */
export const compareRecords = lazyFunction(
  async () => (await import('./uncertainty/difference')).compareRecords,
);

/** Embeds faces into files, piece by piece, resumable, over ranks. */
export const storeFeatures = lazyFunction(
  async () => (await import('./embedding/store-features')).storeFeatures,
);

/** Opens images, folders, sets of records, lists and verification sets to embed them. */
export const openFaces = lazyFunction(async () => (await import('./embedding/open-faces')).openFaces);

/** Embeds image files, whose features go by their names. */
export const embedFiles = lazyFunction(async () => (await import('./named-features')).embedFiles);

/** Reads features with the index of their names. */
export const readNamedFeatures = lazyFunction(
  async () => (await import('./named-features')).readNamedFeatures,
);

/** Compares two faces. */
export const compareFaces = lazyFunction(async () => (await import('./compare')).compareFaces);

/** Reads landmarks of images. */
export const readLandmarks = lazyFunction(
  async () => (await import('../data/lists/landmarks')).readLandmarks,
);

/** Reads a list of pairs of images. */
export const readPairList = lazyFunction(
  async () => (await import('../data/protocols/pair-list')).readPairList,
);

/** The files of the images of lists of pairs. */
export const pairFiles = lazyFunction(async () => (await import('./lfw')).pairFiles);

/** Evaluates features by LFW's protocol. */
export const evaluateLfw = lazyFunction(async () => {
  const { evaluateLfw: evaluate } = await import('./lfw');
  return (...args: Parameters<typeof evaluate>) => Promise.resolve().then(() => evaluate(...args));
});

/** Reads the pairs of YouTube Faces. */
export const readYtfSplits = lazyFunction(async () => (await import('../data/protocols/ytf')).readYtfSplits);

/** Evaluates a backbone on YouTube Faces. */
export const evaluateYtf = lazyFunction(async () => (await import('./ytf/embed')).evaluateYtf);

/** Compares groups of people at one threshold. */
export const evaluateGroups = lazyFunction(async () => {
  const { evaluateGroups: evaluate } = await import('./groups/evaluate');
  return (...args: Parameters<typeof evaluate>) => Promise.resolve().then(() => evaluate(...args));
});

/** Looks for a sign that images are prepared otherwise than a network expects. */
export const examineInput = lazyFunction(async () => (await import('./doctor/doctor')).examineInput);

/** Reads a matrix of an OpenCV dump, as MegaFace has them. */
export const readOpencvMatrix = lazyFunction(
  async () => (await import('../io/opencv-matrix')).readOpencvMatrix,
);

/** Writes a matrix as OpenCV dumps it. */
export const writeOpencvMatrix = lazyFunction(
  async () => (await import('../io/opencv-matrix')).writeOpencvMatrix,
);
