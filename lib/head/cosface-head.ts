import { resolveOptions } from '../options/check';
import { MarginHead } from './margin-head';
import type { CosFaceHeadOptions } from './option-types';
import { cosfaceOptions } from './options';

/** CosFace (Wang et al., CVPR 2018): cos(theta) - margin, one margin for all classes. */
export class CosFaceHead extends MarginHead {
  /** @throws KappaError `ERR_ARGUMENT` */
  constructor(options: CosFaceHeadOptions) {
    const { margin, ...rest } = resolveOptions(cosfaceOptions(), options);
    super(rest, { kind: 'cosine', margin });
  }
}
