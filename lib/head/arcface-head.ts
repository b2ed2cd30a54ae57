import { MarginHead } from './margin-head';
import type { MarginHeadOptions } from './margin-head';

/** ArcFace (Deng et al., CVPR 2019): cos(theta + margin), one angular margin for all classes. */
export class ArcFaceHead extends MarginHead {
  protected readonly kind = 'angular';

  /** @param options `margin` in radians, 0.5 by default */
  constructor(options: MarginHeadOptions & { margin?: number }) {
    super(options, options.margin ?? 0.5);
  }
}
