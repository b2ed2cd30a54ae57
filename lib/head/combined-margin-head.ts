import { argumentError } from '../errors';
import { MarginHead } from './margin-head';
import type { MarginHeadOptions } from './margin-head';

export interface CombinedMarginHeadOptions extends MarginHeadOptions {
  /** m1, factor on the angle; 1 by default. */
  angleFactor?: number;
  /** m2, added to the angle, in radians; 0.5 by default. */
  margin?: number;
  /** m3, taken from the cosine; 0 by default. */
  cosineMargin?: number;
}

/**
 * The combined margin of insightface: cos(m1 theta + m2) - m3, with SphereFace (m1), ArcFace (m2) and CosFace (m3) as
 * its special cases.
 */
export class CombinedMarginHead extends MarginHead {
  /** @throws KappaError `ERR_ARGUMENT` */
  constructor(options: CombinedMarginHeadOptions) {
    const { angleFactor = 1, margin = 0.5, cosineMargin = 0, ...rest } = options;
    if (!(angleFactor >= 1 && angleFactor < Infinity))
      throw argumentError('angleFactor', 'a number of 1 or more', angleFactor);
    if (!(cosineMargin >= 0 && cosineMargin < Infinity))
      throw argumentError('cosineMargin', 'a number of 0 or more', cosineMargin);
    super(rest, { kind: 'combined', margin, angleFactor, cosineMargin });
  }
}
