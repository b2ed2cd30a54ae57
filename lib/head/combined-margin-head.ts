import { resolveOptions } from '../options/check';
import { MarginHead, type SpreadOptions } from './margin-head';
import type { CombinedMarginHeadOptions } from './option-types';
import { combinedOptions } from './options';

/**
 * The combined margin of insightface: cos(m1 theta + m2) - m3, with SphereFace (m1), ArcFace (m2) and CosFace (m3) as
 * its special cases.
 */
export class CombinedMarginHead extends MarginHead {
  /** @throws KappaError `ERR_ARGUMENT` */
  constructor({ group, ...options }: CombinedMarginHeadOptions & SpreadOptions) {
    const { margin, angleFactor, cosineMargin, ...rest } = resolveOptions(combinedOptions(), options);
    super(rest, { kind: 'combined', margin, angleFactor, cosineMargin }, group);
  }
}
