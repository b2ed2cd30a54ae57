// Made from the schemas of the options by npm run reference; change those, not this.

/** What makes an ArcFaceHead. */
export interface ArcFaceHeadOptions {
  /** classes, each with a centre */
  numClasses: number;
  /**
   * dimensions of the embedding
   * @default 512
   */
  embeddingSize?: number;
  /**
   * seed of the random classes of PartialFC
   * @default 0
   */
  seed?: number;
  /**
   * element type of centres and embeddings; float64 needs precision float32
   * @default "float32"
   */
  dtype?: 'float32' | 'float64';
  /**
   * where centres and margins are; embeddings must be there too
   * @default "cpu"
   */
  device?: string;
  /**
   * m: added to the angle of the target, in radians
   * @default 0.5
   */
  margin?: number | null;
  /**
   * target logit where angle + margin > pi: cos - m sin m (extend) or the plain cosine (none)
   * @default "extend"
   */
  beyondPi?: 'extend' | 'none';
  /**
   * s: what cosines are multiplied by
   * @default 64
   */
  scale?: number;
  /**
   * products of embeddings and centres: auto takes bfloat16 where the machine computes it fast, else float32; targets, softmax and centres stay float32
   * @default "auto"
   */
  precision?: 'auto' | 'float32' | 'bfloat16' | 'float16' | 'bf16';
  /**
   * move the centres while their gradients are computed: same numbers, less time and memory
   * @default true
   */
  fusedUpdate?: boolean;
  /**
   * PartialFC: share of the classes in each step; below 1 needs fusedUpdate
   * @default 1
   */
  sampleRate?: number;
  /**
   * PartialFC: which centres a step moves; all: momentum and weight decay also move those that were not drawn, as insightface does since 2022
   * @default "sampled"
   */
  rows?: 'sampled' | 'all';
  /**
   * cosines to other classes above it count as wrong labels; 1: none
   * @default 1
   */
  interclassFilteringThreshold?: number;
  /**
   * bytes of exponentials that wait between forward and update, at most; the rest is computed again. auto: 46 MiB on a CPU, half of the free memory of a GPU
   * @default "auto"
   */
  memoryBudget?: 'auto' | number;
}

/** What makes a CosFaceHead. */
export interface CosFaceHeadOptions {
  /** classes, each with a centre */
  numClasses: number;
  /**
   * dimensions of the embedding
   * @default 512
   */
  embeddingSize?: number;
  /**
   * seed of the random classes of PartialFC
   * @default 0
   */
  seed?: number;
  /**
   * element type of centres and embeddings; float64 needs precision float32
   * @default "float32"
   */
  dtype?: 'float32' | 'float64';
  /**
   * where centres and margins are; embeddings must be there too
   * @default "cpu"
   */
  device?: string;
  /**
   * m: taken from the cosine of the target
   * @default 0.35
   */
  margin?: number | null;
  /**
   * s: what cosines are multiplied by
   * @default 64
   */
  scale?: number;
  /**
   * products of embeddings and centres: auto takes bfloat16 where the machine computes it fast, else float32; targets, softmax and centres stay float32
   * @default "auto"
   */
  precision?: 'auto' | 'float32' | 'bfloat16' | 'float16' | 'bf16';
  /**
   * move the centres while their gradients are computed: same numbers, less time and memory
   * @default true
   */
  fusedUpdate?: boolean;
  /**
   * PartialFC: share of the classes in each step; below 1 needs fusedUpdate
   * @default 1
   */
  sampleRate?: number;
  /**
   * PartialFC: which centres a step moves; all: momentum and weight decay also move those that were not drawn, as insightface does since 2022
   * @default "sampled"
   */
  rows?: 'sampled' | 'all';
  /**
   * cosines to other classes above it count as wrong labels; 1: none
   * @default 1
   */
  interclassFilteringThreshold?: number;
  /**
   * bytes of exponentials that wait between forward and update, at most; the rest is computed again. auto: 46 MiB on a CPU, half of the free memory of a GPU
   * @default "auto"
   */
  memoryBudget?: 'auto' | number;
}

/** What makes a CombinedMarginHead. */
export interface CombinedMarginHeadOptions {
  /** classes, each with a centre */
  numClasses: number;
  /**
   * dimensions of the embedding
   * @default 512
   */
  embeddingSize?: number;
  /**
   * seed of the random classes of PartialFC
   * @default 0
   */
  seed?: number;
  /**
   * element type of centres and embeddings; float64 needs precision float32
   * @default "float32"
   */
  dtype?: 'float32' | 'float64';
  /**
   * where centres and margins are; embeddings must be there too
   * @default "cpu"
   */
  device?: string;
  /**
   * m2 of cos(m1 theta + m2) - m3: added to the angle, in radians
   * @default 0.5
   */
  margin?: number | null;
  /**
   * m1: factor on the angle
   * @default 1
   */
  angleFactor?: number;
  /**
   * m3: taken from the cosine
   * @default 0
   */
  cosineMargin?: number;
  /**
   * target logit where angle + margin > pi: cos - m sin m (extend) or the plain cosine (none)
   * @default "extend"
   */
  beyondPi?: 'extend' | 'none';
  /**
   * s: what cosines are multiplied by
   * @default 64
   */
  scale?: number;
  /**
   * products of embeddings and centres: auto takes bfloat16 where the machine computes it fast, else float32; targets, softmax and centres stay float32
   * @default "auto"
   */
  precision?: 'auto' | 'float32' | 'bfloat16' | 'float16' | 'bf16';
  /**
   * move the centres while their gradients are computed: same numbers, less time and memory
   * @default true
   */
  fusedUpdate?: boolean;
  /**
   * PartialFC: share of the classes in each step; below 1 needs fusedUpdate
   * @default 1
   */
  sampleRate?: number;
  /**
   * PartialFC: which centres a step moves; all: momentum and weight decay also move those that were not drawn, as insightface does since 2022
   * @default "sampled"
   */
  rows?: 'sampled' | 'all';
  /**
   * cosines to other classes above it count as wrong labels; 1: none
   * @default 1
   */
  interclassFilteringThreshold?: number;
  /**
   * bytes of exponentials that wait between forward and update, at most; the rest is computed again. auto: 46 MiB on a CPU, half of the free memory of a GPU
   * @default "auto"
   */
  memoryBudget?: 'auto' | number;
}

/** What makes a KappaFaceHead, apart from its classes. */
export interface KappaFaceOptions {
  /**
   * dimensions of the embedding
   * @default 512
   */
  embeddingSize?: number;
  /**
   * seed of the random classes of PartialFC
   * @default 0
   */
  seed?: number;
  /**
   * element type of centres and embeddings; float64 needs precision float32
   * @default "float32"
   */
  dtype?: 'float32' | 'float64';
  /**
   * where centres and margins are; embeddings must be there too
   * @default "cpu"
   */
  device?: string;
  /**
   * m0: full margin in radians, of which each class has the share psi
   * @default 0.8
   */
  margin?: number | null;
  /**
   * target logit where angle + margin > pi: cos - m sin m (extend) or the plain cosine (none)
   * @default "extend"
   */
  beyondPi?: 'extend' | 'none';
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
  /**
   * psi of every class before concentrations are known
   * @default 1
   */
  initialMarginScale?: number;
  /**
   * epochs over which the margins move linearly from the initial to the computed ones
   * @default 0
   */
  blendEpochs?: number;
  /** how the concentrations of the classes are estimated */
  concentration?:
    | {
        /** momentum encoder: features of a slowly following copy of the backbone, summed over the epoch */
        kind?: 'momentum';
        /**
         * share of its own weights that the encoder keeps at each step
         * @default 0.9
         */
        momentum?: number;
      }
    | {
        /** memory buffer: one stored unit vector for each training image */
        kind: 'memory';
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
      };
  /**
   * s: what cosines are multiplied by
   * @default 64
   */
  scale?: number;
  /**
   * products of embeddings and centres: auto takes bfloat16 where the machine computes it fast, else float32; targets, softmax and centres stay float32
   * @default "auto"
   */
  precision?: 'auto' | 'float32' | 'bfloat16' | 'float16' | 'bf16';
  /**
   * move the centres while their gradients are computed: same numbers, less time and memory
   * @default true
   */
  fusedUpdate?: boolean;
  /**
   * PartialFC: share of the classes in each step; below 1 needs fusedUpdate
   * @default 1
   */
  sampleRate?: number;
  /**
   * PartialFC: which centres a step moves; all: momentum and weight decay also move those that were not drawn, as insightface does since 2022
   * @default "sampled"
   */
  rows?: 'sampled' | 'all';
  /**
   * cosines to other classes above it count as wrong labels; 1: none
   * @default 1
   */
  interclassFilteringThreshold?: number;
  /**
   * bytes of exponentials that wait between forward and update, at most; the rest is computed again. auto: 46 MiB on a CPU, half of the free memory of a GPU
   * @default "auto"
   */
  memoryBudget?: 'auto' | number;
}
