import { resolveOptions } from '../options/check';
import { MarginHead, type SpreadOptions } from './margin-head';
import type { CosFaceHeadOptions } from './option-types';
import { cosfaceOptions } from './options';

/** CosFace (Wang et al., CVPR 2018): cos(theta) - margin, one margin for all classes. */
export class CosFaceHead extends MarginHead {
  /** @throws KappaError `ERR_ARGUMENT` */
  constructor({ group, ...options }: CosFaceHeadOptions & SpreadOptions) {
    const { margin, ...rest } = resolveOptions(cosfaceOptions(), options);
    super(rest, { kind: 'cosine', margin }, group);
  }
}
