import type { YtfSplits } from '../data/protocols/ytf';
import { readNpy } from '../io/npy';
import type { Backbone } from '../nn/backbone';
import { embedFaces } from './embedding/embed-faces';
import { fileFaces } from './embedding/open-faces';
import { storeFeatures } from './embedding/store-features';
import type { EmbedFilesOptions } from './named-features';
import { frameList, YtfEvaluation, type VideoComparison } from './ytf';
import type { VideoFrames } from './ytf-frames';

export interface EmbedFramesOptions extends EmbedFilesOptions {
  /** Folder that keeps the features while they are computed, and afterwards. @default none */
  cache?: string;
  /** The checkpoint, for whoever looks into the cache. */
  checkpoint?: string;
  onMessage?: (text: string) => void;
}

/**
 * Embeds the frames of videos for an evaluation; pooled ones are added up as they come.
 *
 * @returns on rank 0 what can be evaluated; undefined on the others
 */
export async function embedFrames(
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
