import { resolveOptions } from '../options/check';
import { MarginHead, type SpreadOptions } from './margin-head';
import type { ArcFaceHeadOptions } from './option-types';
import { arcfaceOptions } from './options';

/** ArcFace (Deng et al., CVPR 2019): cos(theta + margin), one angular margin for all classes. */
export class ArcFaceHead extends MarginHead {
  /** @throws KappaError `ERR_ARGUMENT` */
  constructor({ group, ...options }: ArcFaceHeadOptions & SpreadOptions) {
    const { margin, ...rest } = resolveOptions(arcfaceOptions(), options);
    super(rest, { kind: 'angular', margin }, group);
  }
}
