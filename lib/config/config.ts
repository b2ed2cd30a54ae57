// Made from the schemas of the options by npm run reference; change those, not this.

/** A config as it is written: everything but `name` may be left out. */
export interface Config {
  /** name of the run; its folder is output/name */
  name: string;
  /**
   * seed of everything random
   * @default 42
   */
  seed?: number;
  /**
   * folder that holds the runs' folders
   * @default "runs"
   */
  output?: string;
  /** training and verification sets */
  data?: {
    /**
     * the training set: a folder with train.rec, or of images (identity/image.jpg), a .rec or .lst file; wins over data.synthetic
     * @default null
     */
    root?: string | null;
    /**
     * several training sets mixed, in place of data.root: [{ root, weight }, ...]
     * @default []
     */
    sources?: readonly {
      /** folder of a set (train.rec, or identity/image.jpg), .rec or .lst file; of a list: what its paths are relative to (its own folder if left out) */
      root?: string;
      /** .lst file of im2rec (index, labels, path) or face2rec2 (aligned, path, label, box, points) */
      list?: string;
      /**
       * how many times an epoch draws each image of this source, on average
       * @default 1
       */
      weight?: number;
      /** keep only these classes: the first so many, or a list of labels or of names, in that order */
      identities?: number | readonly (number | string)[];
      /** keep at most so many images of each class, the first ones */
      imagesPerIdentity?: number;
      /**
       * append its classes, or share those of the same name (or label) with other shared sources
       * @default "separate"
       */
      labels?: 'separate' | 'shared';
      /** file of images to leave out (kappa data check writes one) */
      skipList?: string;
      /** number of classes that it must have; stands in for property */
      numClasses?: number;
    }[];
    /**
     * file of images of data.root to leave out (kappa data check writes one)
     * @default null
     */
    skipList?: string | null;
    /**
     * full (or true): any order; block: for slow disks, in blocks that are read ahead; false: as stored
     * @default "full"
     */
    shuffle?: boolean | 'full' | 'block';
    /**
     * consecutive images of a block (shuffle: block)
     * @default 128
     */
    blockSize?: number;
    /**
     * blocks shuffled together; two such windows are read ahead (shuffle: block)
     * @default 256
     */
    windowBlocks?: number;
    /**
     * make a missing, damaged or outdated train.idx anew by a scan of train.rec (false: stop)
     * @default true
     */
    rebuildIndex?: boolean;
    /**
     * folder of the verification sets; null: that of the training set (of its first source)
     * @default null
     */
    validationRoot?: string | null;
    /**
     * verification sets: names of .bin files beside the training set, without the extension; auto takes all
     * @default ["lfw","cfp_fp","agedb_30"]
     */
    validation?: 'auto' | readonly string[];
    /**
     * stop when a verification set is missing or cannot be used (false: go on without it, with a warning)
     * @default true
     */
    validationRequired?: boolean;
    /**
     * decode threads, 0 for none (decodes in the calling thread); auto: one less than the processors this process may use, 1 to 4
     * @default "auto"
     */
    workers?: 'auto' | number;
    /**
     * what the end of a decode thread does: a new one takes over, with the same batches (an image that ends two counts as undecodable), or the epoch ends with an error
     * @default "restart"
     */
    onWorkerCrash?: 'restart' | 'stop';
    /**
     * decode threads that may end before that is an error all the same
     * @default 10
     */
    maxWorkerRestarts?: number;
    /**
     * what an undecodable image does: end the epoch with its error, or be replaced and counted
     * @default "stop"
     */
    onCorrupt?: 'stop' | 'skip';
    /**
     * mirror each training image with probability 1/2
     * @default true
     */
    flip?: boolean;
    /** what else may happen to a training image; all off, as in the official recipe */
    augment?: {
      /** all but a random rectangle becomes black */
      crop?: {
        /**
         * share of the images
         * @default 0
         */
        probability?: number;
        /**
         * area of what stays over the image's
         * @default [0.2,1]
         */
        area?: [number, number];
        /**
         * width over height of what stays, relative to the image's; logarithms are drawn evenly
         * @default [0.75,1.3333]
         */
        aspect?: [number, number];
      };
      /** brightness, contrast and saturation, in random order */
      photometric?: {
        /**
         * share of the images
         * @default 0
         */
        probability?: number;
        /**
         * brightness is multiplied by 1 - x to 1 + x
         * @default 0.5
         */
        brightness?: number;
        /**
         * contrast is multiplied by 1 - x to 1 + x
         * @default 0.5
         */
        contrast?: number;
        /**
         * saturation is multiplied by 1 - x to 1 + x
         * @default 0.5
         */
        saturation?: number;
      };
      /** the colours are lost */
      grey?: {
        /**
         * share of the images
         * @default 0
         */
        probability?: number;
      };
      /** a lens out of focus */
      gaussianBlur?: {
        /**
         * share of the images
         * @default 0
         */
        probability?: number;
        /**
         * standard deviation in pixels
         * @default [0.5,2]
         */
        sigma?: [number, number];
      };
      /** a camera or a face that moves, in any direction */
      motionBlur?: {
        /**
         * share of the images
         * @default 0
         */
        probability?: number;
        /**
         * length of the way in pixels
         * @default [3,11]
         */
        length?: [number, number];
      };
      /** a small picture, enlarged again; both filters are drawn */
      lowResolution?: {
        /**
         * share of the images
         * @default 0
         */
        probability?: number;
        /**
         * side of the small picture over the image's
         * @default [0.2,1]
         */
        scale?: [number, number];
      };
      /** artefacts of JPEG (chroma halved) */
      jpeg?: {
        /**
         * share of the images
         * @default 0
         */
        probability?: number;
        /**
         * libjpeg's quality
         * @default [30,90]
         */
        quality?: [number, number];
      };
    };
    /**
     * side of the aligned face crops in pixels
     * @default 112
     */
    imageSize?: 112;
    /**
     * number of identities the set must have; null takes what is found
     * @default null
     */
    numClasses?: number | null;
    /**
     * where to get the set and which layout is expected: shown when it is missing
     * @default ""
     */
    source?: string;
    /**
     * the embedded synthetic face set, used where data.root is null ({} for its defaults)
     * @default null
     */
    synthetic?: {
      /**
       * seed of everything drawn
       * @default 1
       */
      seed?: number;
      /**
       * people in the training set
       * @default 270
       */
      identities?: number;
      /**
       * images of the person with the most; the others follow a long tail
       * @default 27
       */
      maxImages?: number;
      /**
       * share of people with a single image
       * @default 0.06
       */
      singletons?: number;
      /**
       * people in the verification set, none of whom is in the training set
       * @default 150
       */
      verificationIdentities?: number;
      /**
       * verification pairs, a multiple of 20: ten folds, half of each genuine
       * @default 600
       */
      pairs?: number;
      /**
       * difficulty of the most difficult verification person; the training set goes up to 1
       * @default 0.25
       */
      verificationDifficulty?: number;
    } | null;
  };
  /** the network from an image to its embedding */
  backbone?: {
    /** IResNet, the residual network of ArcFace */
    kind?: 'iresnet';
    /**
     * layers of the IResNet: 18, 34, 50, 100 or 200
     * @default 50
     */
    depth?: 18 | 34 | 50 | 100 | 200;
    /**
     * dimensions of the embedding
     * @default 512
     */
    embeddingSize?: number;
    /**
     * scales the widths 64, 128, 256, 512 of the four stages
     * @default 1
     */
    widthMultiplier?: number;
    /**
     * dropout before the last linear layer
     * @default 0
     */
    dropout?: number;
    /**
     * arithmetic of the convolutions: auto takes bfloat16 where the machine computes it fast, else float32; weights, batch statistics and the last layer stay float32; float16 (for GPUs) scales the loss
     * @default "auto"
     */
    precision?: 'auto' | 'float32' | 'bfloat16' | 'float16' | 'bf16';
  };
  /** the loss over the class centres */
  head?:
    | {
        /** KappaFace: a margin for each class, by its concentration and its number of images */
        kind?: 'kappaface';
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
    | {
        /** ArcFace: cos(theta + m) */
        kind: 'arcface';
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
    | {
        /** CosFace: cos(theta) - m */
        kind: 'cosface';
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
    | {
        /** insightface's combined margin: cos(m1 theta + m2) - m3 */
        kind: 'combined';
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
      };
  /** how parameters move */
  optimizer?: {
    /** stochastic gradient descent with momentum */
    kind?: 'sgd';
    /**
     * learning rate
     * @default 0.1
     */
    lr?: number;
    /**
     * share of the last step's direction that stays
     * @default 0.9
     */
    momentum?: number;
    /**
     * L2 penalty of all parameters, added to the gradient
     * @default 0.0005
     */
    weightDecay?: number;
    /**
     * Nesterov's momentum
     * @default false
     */
    nesterov?: boolean;
    /**
     * batch size that lr is meant for: the rate used is lr * batchSize * accumulate * ranks / referenceBatchSize
     * @default 512
     */
    referenceBatchSize?: number;
    /**
     * largest 2-norm of the backbone's gradient
     * @default 5
     */
    clipNorm?: number;
  };
  /** learning rate over time */
  schedule?:
    | {
        /** the rate is multiplied by a factor at each milestone */
        kind?: 'step';
        /**
         * epochs of linear warm-up, step by step, up to the full rate
         * @default 0
         */
        warmupEpochs?: number;
        /**
         * epochs, counted from 0, at whose start the rate decays
         * @default []
         */
        milestones?: readonly number[];
        /**
         * what a milestone multiplies the rate by
         * @default 0.1
         */
        factor?: number;
      }
    | {
        /** (1 - t / T)^power over the steps after the warm-up */
        kind: 'polynomial';
        /**
         * epochs of linear warm-up, step by step, up to the full rate
         * @default 0
         */
        warmupEpochs?: number;
        /**
         * exponent of the decay
         * @default 2
         */
        power?: number;
      };
  /** the training loop */
  train?: {
    /**
     * passes over the training set
     * @default 20
     */
    epochs?: number;
    /**
     * images in one forward pass (at least 2: batch normalisation)
     * @default 128
     */
    batchSize?: number;
    /**
     * forward passes to one optimizer step; the global batch is batchSize * accumulate
     * @default 1
     */
    accumulate?: number;
    /**
     * leave out the last, incomplete batch of an epoch
     * @default true
     */
    dropLast?: boolean;
    /**
     * steps between lines of metrics.jsonl
     * @default 50
     */
    logEvery?: number;
    /**
     * write the same for TensorBoard, into tensorboard/ of the run
     * @default true
     */
    tensorboard?: boolean;
    /**
     * steps between verifications; null: at the end of each epoch
     * @default null
     */
    validateEvery?: number | null;
    /**
     * steps between checkpoints; null: at the end of each epoch
     * @default null
     */
    checkpointEvery?: number | null;
    /**
     * newest checkpoints kept besides the best one
     * @default 2
     */
    keepCheckpoints?: number;
    /**
     * MiB for copies of the weights, so that a checkpoint is written beside training; auto: a quarter of what is free, 0: training waits
     * @default "auto"
     */
    checkpointMemory?: 'auto' | number;
    /**
     * steps in a row with a non-finite loss or gradient after which the run stops
     * @default 20
     */
    maxSkippedSteps?: number;
  };
  /** several processes, see kappa launch */
  distributed?: {
    /**
     * seconds after which a rank that waits for another one gives up, also for its part of a checkpoint
     * @default 600
     */
    timeout?: number;
    /**
     * MiB of the backbone's gradients that are sent together while the backward pass goes on
     * @default 16
     */
    bucketMiB?: number;
    /**
     * what the backbone's gradients are sent as; none: float32
     * @default "none"
     */
    compression?: 'none' | 'bfloat16' | 'float16';
    /**
     * running statistics of batch normalisation: merged over the ranks after each step, as if one rank had made all passes, or each its own
     * @default "merge"
     */
    statistics?: 'merge' | 'own';
    /**
     * normalise over the batches of all ranks together, with an exchange for each layer
     * @default false
     */
    syncBatchNorm?: boolean;
  };
  /** the machine */
  runtime?: {
    /**
     * where backbone and head are: cpu, or cuda with the addon of npm run build:cuda
     * @default "cpu"
     */
    device?: string;
    /**
     * compute threads; auto takes KAPPA_THREADS or the number of cores
     * @default "auto"
     */
    threads?: 'auto' | number;
    /**
     * products and convolutions of float32 in TF32 on GPUs: faster, 10 bits of mantissa
     * @default false
     */
    allowTf32?: boolean;
    /**
     * algorithms on GPUs that give the same bits each time; otherwise cuDNN takes the fastest by trial
     * @default false
     */
    deterministic?: boolean;
  };
}
