import { resolveOptions } from '../options/check';
import type { Input } from '../options/schema';
import { MarginHead } from './margin-head';
import { cosfaceOptions } from './options';

/** What makes a {@link CosFaceHead}; see `kappa config print` for each option. */
export type CosFaceHeadOptions = Input<typeof cosfaceOptions>;

/** CosFace (Wang et al., CVPR 2018): cos(theta) - margin, one margin for all classes. */
export class CosFaceHead extends MarginHead {
  /** @throws KappaError `ERR_ARGUMENT` */
  constructor(options: CosFaceHeadOptions) {
    const { margin, ...rest } = resolveOptions(cosfaceOptions(), options);
    super(rest, { kind: 'cosine', margin });
  }
}
