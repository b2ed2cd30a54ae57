import { MarginHead } from './margin-head';
import type { MarginHeadOptions } from './margin-head';

/** CosFace (Wang et al., CVPR 2018): cos(theta) - margin, one margin for all classes. */
export class CosFaceHead extends MarginHead {
  /** @param options `margin` in cosine, 0.35 by default */
  constructor(options: MarginHeadOptions & { margin?: number }) {
    const { margin = 0.35, ...rest } = options;
    super(rest, { kind: 'cosine', margin });
  }
}
