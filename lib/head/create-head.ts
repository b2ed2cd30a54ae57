import type { RankGroup } from '../distributed/rank-group';
import type { Backbone } from '../nn/backbone';
import { ArcFaceHead } from './arcface-head';
import { CombinedMarginHead } from './combined-margin-head';
import { CosFaceHead } from './cosface-head';
import { KappaFaceHead } from './kappaface-head';
import type { MarginHead } from './margin-head';
import type { HeadSection } from './options';

const plainHeads = { arcface: ArcFaceHead, cosface: CosFaceHead, combined: CombinedMarginHead } as const;

/** What a head needs to know of the run that it is part of. */
export interface HeadContext {
  /** Images of each class in the training set. */
  samplesPerClass: ArrayLike<number>;
  /** The network whose embeddings it sees. */
  backbone: Backbone;
  /** Seed of the random classes of PartialFC. */
  seed: number;
  /** The ranks that the classes are spread over. */
  group?: RankGroup;
}

/**
 * Makes the head that the section `head` of a config describes, on the backbone's device.
 *
 * @throws KappaError `ERR_ARGUMENT`, `ERR_DEVICE`
 */
export function createHead(
  section: HeadSection,
  { samplesPerClass, backbone, seed, group }: HeadContext,
): MarginHead {
  const { embeddingSize, device } = backbone.options;
  const place = { embeddingSize, device, seed, group };
  if (section.kind === 'kappaface') {
    const { kind: _kind, concentration, ...options } = section;
    return new KappaFaceHead({
      ...options,
      ...place,
      samplesPerClass,
      concentration: concentration.kind === 'momentum' ? { ...concentration, backbone } : concentration,
    });
  }
  const { kind, ...options } = section;
  return new plainHeads[kind]({ ...options, ...place, numClasses: samplesPerClass.length });
}
