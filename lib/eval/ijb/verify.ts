import type { IjbCounts, IjbName, IjbSet } from '../../data/protocols/ijb';
import { KappaError } from '../../errors';
import { submit } from '../../native/submit';
import { scope } from '../../tensor/scope';
import { Tensor } from '../../tensor/tensor';
import { IJB_FARS, ijbVariant, type IjbRule } from '../metrics/ijb-rules';
import { areaUnderPairRoc, nearestFar, type OperatingPoint, type PairRoc } from '../metrics/pair-roc';
import { pairRoc } from '../pair-roc';

/** Embeddings of the faces of a set, in its order. */
export interface IjbFeatures {
  /** float32 [F, D] as the network gives them, not normalised. */
  readonly plain: Tensor;
  /** float32 [F, D] of the mirror images; without them nothing can be added. */
  readonly mirrored?: Tensor;
}

/** Result of IJB 1:1 verification. */
export interface IjbVerificationResult {
  readonly set: IjbName;
  /** insightface's name of the rule: `N0D1F1`. */
  readonly variant: string;
  /** TAR at each FAR of {@link IJB_FARS}, at the point of the ROC whose FAR is nearest. */
  readonly points: readonly (OperatingPoint & { readonly wanted: number })[];
  readonly auc: number;
  readonly counts: IjbCounts;
  /** The rules that were followed, in words. */
  readonly protocol: string;
}

/**
 * Verifies the pairs of templates of IJB-B or IJB-C, insightface's protocol: a template is the sum over its media of the
 * mean of their faces, at length 1; similarity is the dot product; TAR is read at the point of scikit-learn's ROC whose
 * FAR is nearest.
 *
 * @throws KappaError `ERR_SHAPE` for other numbers of faces or dimensions, `ERR_NOT_FINITE`, `ERR_ARGUMENT` without the
 *   mirrored features that a rule adds
 */
export async function evaluateIjbVerification(
  set: IjbSet,
  features: IjbFeatures,
  rule: IjbRule = {},
): Promise<IjbVerificationResult> {
  return scope(async () => (await verifyIjb(set, features, rule)).result);
}

/** {@link evaluateIjbVerification}, with all that its result was read from. */
export async function verifyIjb(
  set: IjbSet,
  features: IjbFeatures,
  rule: IjbRule,
): Promise<{ result: IjbVerificationResult; scores: Tensor; roc: PairRoc }> {
  const templates = await poolIjb(set, features, rule);
  const scores = await scorePairs(set, templates);
  const roc = await pairRoc(scores, await Tensor.from(set.pairs.isGenuine));
  const result = {
    set: set.name,
    variant: ijbVariant(rule),
    points: IJB_FARS.map((wanted) => ({ wanted, ...nearestFar(roc, wanted) })),
    auc: areaUnderPairRoc(roc),
    counts: set.counts,
    protocol: protocolOf(rule),
  };
  return { result, scores, roc };
}

/**
 * The templates of a set.
 *
 * @param set which face is of which template and media
 * @param features float32 [F, D], a row for each face, and those of the mirror images
 * @param rule insightface's switches; `keep`, with detector scores and mirror images, by default
 * @returns float32 [T, D] of length 1, in the order of `templateIds`
 * @throws KappaError `ERR_SHAPE` where features and faces differ in number
 */
export async function poolIjb(
  { name, faces }: IjbSet,
  { plain, mirrored }: IjbFeatures,
  { norm = 'keep', detectorScore = true, flip = true }: IjbRule = {},
): Promise<Tensor> {
  if (plain.shape[0] !== faces.names.length)
    throw new KappaError(
      'ERR_SHAPE',
      `${name} has ${faces.names.length} faces, but there are features of ${plain.shape[0]}.`,
    );
  if (flip && !mirrored)
    throw new KappaError(
      'ERR_ARGUMENT',
      'The features of the mirror images are missing: give them, or leave them out (flip: false, --no-flip) and say so with the result.',
    );
  const wrap = Tensor.wrapper();
  const faces_ = {
    features: plain.handle,
    mirrored: flip && mirrored ? mirrored.handle : null,
    weights: detectorScore ? (await Tensor.from(faces.detectorScores)).handle : null,
    templates: (await Tensor.from(faces.templates)).handle,
    media: (await Tensor.from(faces.media)).handle,
  };
  const { length } = faces.templateIds;
  return wrap(await submit((addon) => addon.poolTemplates(faces_, length, norm === 'unit')));
}

/** Similarities of the pairs of a set: float32 [P]. */
export async function scorePairs({ pairs }: IjbSet, templates: Tensor): Promise<Tensor> {
  const wrap = Tensor.wrapper();
  const [first, second] = [await Tensor.from(pairs.first), await Tensor.from(pairs.second)];
  return wrap(await submit((addon) => addon.pairScores(templates.handle, first.handle, second.handle)));
}

function protocolOf({ norm = 'keep', detectorScore = true, flip = true }: IjbRule): string {
  return [
    `insightface 1:1: image ${flip ? '+ mirror image' : 'alone'}`,
    norm === 'keep' ? 'the length of an embedding kept' : 'embeddings at length 1',
    detectorScore ? 'times the detector score' : 'detector scores not used',
    'mean over the faces of a media, sum over the media of a template, L2; dot product; TAR at the nearest FAR of scikit-learn ROC points',
  ].join(', ');
}
