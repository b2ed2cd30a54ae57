/** FARs at which the field reports IJB. */
export const IJB_FARS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1] as const;

/** How faces become templates. The defaults are those of the published insightface and KappaFace tables, N0D1F1. */
export interface IjbRule {
  /**
   * `keep`: a face counts by the length of its embedding (insightface: `use_norm_score = True`, `N0`); `unit`: each counts
   * alike (`N1`). @default 'keep'
   */
  norm?: 'keep' | 'unit';
  /** Faces count by the score of their detector (`D1`). @default true */
  detectorScore?: boolean;
  /** The embedding of the mirror image is added (`F1`). @default true */
  flip?: boolean;
}

/** Names of a rule as insightface's `ijb_evals.py` writes them. */
export function ijbVariant({ norm = 'keep', detectorScore = true, flip = true }: IjbRule = {}): string {
  return `N${norm === 'unit' ? 1 : 0}D${detectorScore ? 1 : 0}F${flip ? 1 : 0}`;
}

/** All eight rules, the default one first. */
export function ijbRules(): Required<IjbRule>[] {
  return (['keep', 'unit'] as const).flatMap((norm) =>
    [true, false].flatMap((detectorScore) => [true, false].map((flip) => ({ norm, detectorScore, flip }))),
  );
}

/** A rule with its defaults, as flags. */
export function ijbFlags({
  norm = 'keep',
  detectorScore = true,
  flip = true,
}: IjbRule): Record<string, string | boolean> {
  return { norm, detectorScore, flip };
}
