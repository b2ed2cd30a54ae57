// Made from the schemas of the options by npm run reference; change those, not this.

/** How class sums become margins (KappaFace, equations 6 to 12). */
export interface MarginRule {
  /**
   * T: how sharply concentration moves the margin
   * @default 0.4
   */
  temperature?: number;
  /**
   * weight of concentration against the number of images
   * @default 0.7
   */
  gamma?: number;
  /**
   * formulas of the official code (K = 1.05 max n, gamma on wk) or of the paper (K = max n, on ws)
   * @default "official"
   */
  convention?: 'official' | 'paper';
  /**
   * correct the upward bias of the concentration of classes with few images
   * @default false
   */
  debias?: boolean;
}

/** What a memory buffer does. */
export interface MemoryOptions {
  /**
   * share of the new feature in the stored one (the paper's alpha is 1 minus this)
   * @default 0.9
   */
  alpha?: number;
  /**
   * element type of the buffer; bfloat16 needs half the memory
   * @default "float32"
   */
  storage?: 'float32' | 'bfloat16';
}

/** What a momentum encoder does. */
export interface MomentumOptions {
  /**
   * share of its own weights that the encoder keeps at each step
   * @default 0.9
   */
  momentum?: number;
}
