import { resolveOptions } from '../options/check';
import type { Input } from '../options/schema';
import { MarginHead } from './margin-head';
import { arcfaceOptions } from './options';

/** What makes an {@link ArcFaceHead}; see `kappa config print` for each option. */
export type ArcFaceHeadOptions = Input<typeof arcfaceOptions>;

/** ArcFace (Deng et al., CVPR 2019): cos(theta + margin), one angular margin for all classes. */
export class ArcFaceHead extends MarginHead {
  /** @throws KappaError `ERR_ARGUMENT` */
  constructor(options: ArcFaceHeadOptions) {
    const { margin, ...rest } = resolveOptions(arcfaceOptions(), options);
    super(rest, { kind: 'angular', margin });
  }
}
