import { MarginHead } from './margin-head';
import type { MarginHeadOptions } from './margin-head';

/** ArcFace (Deng et al., CVPR 2019): cos(theta + margin), one angular margin for all classes. */
export class ArcFaceHead extends MarginHead {
  /** @param options `margin` in radians, 0.5 by default */
  constructor(options: MarginHeadOptions & { margin?: number }) {
    const { margin = 0.5, ...rest } = options;
    super(rest, { kind: 'angular', margin });
  }
}
