import type { YtfSplits } from '../../data/protocols/ytf';
import { readNpy } from '../../io/npy';
import type { Backbone } from '../../nn/backbone';
import { embedFaces } from '../embedding/embed-faces';
import { fileFaces } from '../embedding/open-faces';
import { storeFeatures } from '../embedding/store-features';
import type { EmbedFilesOptions } from '../named-features';
import { frameList, mustHaveVideos, YtfEvaluation, type VideoComparison, type YtfResult } from './evaluate';
import { listFrames, type FrameChoice, type VideoFrames } from './frames';

export interface EmbedFramesOptions extends EmbedFilesOptions {
  /** Folder that keeps the features while they are computed, and afterwards. @default none */
  cache?: string;
  /** The checkpoint, for whoever looks into the cache. */
  checkpoint?: string;
  /** Told what is worth a line. */
  onMessage?: (text: string) => void;
}

/** How {@link evaluateYtf} embeds and compares videos. */
export interface EvaluateYtfOptions extends EmbedFramesOptions {
  /** Which frames of a video. @default all */
  frames?: FrameChoice;
  /** @default pooled by meanOfNormalised */
  comparison?: VideoComparison;
  /** Leaves the pairs of videos out that are not there. @default false: that is an error */
  skipMissing?: boolean;
}

/**
 * Evaluates a backbone on YouTube Faces. Each frame is embedded (with `flip` with its mirror image), aligned by its
 * landmarks where these are given; frames without landmarks are dropped.
 *
 * @param root the folder with `SUBJECT/VIDEO/FRAME.jpg`
 * @returns the result; undefined on ranks other than 0
 * @throws KappaError `ERR_DATA_NOT_FOUND` counting the videos that are missing, `ERR_DATA_CORRUPT`, `ERR_ARGUMENT`,
 *   `ERR_NOT_FINITE`, `ERR_CANCELLED`, `ERR_PEER`
 */
export async function evaluateYtf(
  backbone: Backbone,
  splits: YtfSplits,
  root: string,
  options: EvaluateYtfOptions = {},
): Promise<YtfResult | undefined> {
  const { frames: choice = { kind: 'all' }, skipMissing = false, landmarks } = options;
  const { comparison = { pooling: 'meanOfNormalised' } } = options;
  const frames = await listFrames(root, splits.videos, choice, landmarks);
  if (!skipMissing) mustHaveVideos(frames, splits.videos, root);
  return (await embedFrames(backbone, splits, frames, comparison, options))?.result();
}

/** Embeds the frames of videos for an evaluation; pooled ones are added up as they come. */
async function embedFrames(
  backbone: Backbone,
  splits: YtfSplits,
  frames: VideoFrames,
  comparison: VideoComparison,
  { flip = false, landmarks, crop, cache, checkpoint = '', ...run }: EmbedFramesOptions = {},
): Promise<YtfEvaluation | undefined> {
  const isFirst = (run.group?.rank ?? 0) === 0;
  const { embeddingSize } = backbone.options;
  const faces = fileFaces(frameList(frames).files, 'ytf', { landmarks, crop });
  const evaluation = isFirst ? new YtfEvaluation(splits, frames, comparison, embeddingSize) : undefined;
  if (cache === undefined) {
    const open = evaluation && (() => Promise.resolve(evaluation));
    await embedFaces(backbone, faces, open, { ...run, mirrors: flip });
    return evaluation;
  }
  const mirror = flip ? 'add' : 'none';
  const { features } = await storeFeatures(backbone, faces, { ...run, output: cache, checkpoint, mirror });
  if (evaluation) await evaluation.write(0, (await readNpy(features)).data);
  return evaluation;
}
