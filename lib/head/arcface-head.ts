import { resolveOptions } from '../options/check';
import { MarginHead } from './margin-head';
import type { ArcFaceHeadOptions } from './option-types';
import { arcfaceOptions } from './options';

/** ArcFace (Deng et al., CVPR 2019): cos(theta + margin), one angular margin for all classes. */
export class ArcFaceHead extends MarginHead {
  /** @throws KappaError `ERR_ARGUMENT` */
  constructor(options: ArcFaceHeadOptions) {
    const { margin, ...rest } = resolveOptions(arcfaceOptions(), options);
    super(rest, { kind: 'angular', margin });
  }
}
