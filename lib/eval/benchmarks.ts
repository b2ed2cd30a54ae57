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
export const embedIjb = lazyFunction(async () => (await import('./embed-ijb')).embedIjb);

/** Verifies the pairs of templates of IJB-B or IJB-C, 1:1. */
export const evaluateIjbVerification = lazyFunction(
  async () => (await import('./ijb')).evaluateIjbVerification,
);

/** Looks for the people of IJB's probes in its galleries, 1:N, by both protocols in use. */
export const evaluateIjbIdentification = lazyFunction(
  async () => (await import('./ijb-identification')).evaluateIjbIdentification,
);

/** The templates of a set. */
export const poolIjb = lazyFunction(async () => (await import('./ijb')).poolIjb);

/** Similarities of the pairs of a set. */
export const scorePairs = lazyFunction(async () => (await import('./ijb')).scorePairs);

/** The ROC of millions of similarities, by scikit-learn's rules. */
export const pairRoc = lazyFunction(async () => (await import('./pair-roc')).pairRoc);

/** Reads a matrix of NumPy. */
export const readNpy = lazyFunction(async () => (await import('../io/npy')).readNpy);

/** Writes a matrix as NumPy does. */
export const writeNpy = lazyFunction(async () => (await import('../io/npy')).writeNpy);

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
export const evaluateYtf = lazyFunction(async () => (await import('./ytf-embed')).evaluateYtf);

/** Compares groups of people at one threshold. */
export const evaluateGroups = lazyFunction(async () => {
  const { evaluateGroups: evaluate } = await import('./groups');
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
