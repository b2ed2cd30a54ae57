// Made from the schemas of the options by npm run reference; change those, not this.

/** Which samples make up which batch. */
export interface SamplerSettings {
  /** number of samples of the dataset */
  length: number;
  /** images of one batch on one rank */
  batchSize: number;
  /**
   * batches of one rank that make up an optimizer step
   * @default 1
   */
  accumulate?: number;
  /** decides order, flips and augmentation, together with the epoch */
  seed: number;
  /**
   * number of this process, from 0
   * @default 0
   */
  rank?: number;
  /**
   * number of processes
   * @default 1
   */
  worldSize?: number;
  /**
   * leave out the last, incomplete batch of an epoch
   * @default true
   */
  dropLast?: boolean;
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
}

/** How a dataset is read. */
export interface DataLoaderSettings {
  /** images of one batch on one rank */
  batchSize: number;
  /**
   * batches of one rank that make up an optimizer step
   * @default 1
   */
  accumulate?: number;
  /** decides order, flips and augmentation, together with the epoch */
  seed: number;
  /**
   * number of this process, from 0
   * @default 0
   */
  rank?: number;
  /**
   * number of processes
   * @default 1
   */
  worldSize?: number;
  /**
   * leave out the last, incomplete batch of an epoch
   * @default true
   */
  dropLast?: boolean;
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
   * batches in memory at once: those decoded ahead and those not released yet
   * @default 4
   */
  queueDepth?: number;
  /**
   * bring images of another size to the dataset's instead of refusing them
   * @default false
   */
  resize?: boolean;
}
