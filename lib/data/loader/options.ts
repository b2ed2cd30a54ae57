import { resolveOptions } from '../../options/check';
import { lazySchema, type Output, type Z } from '../../options/schema';
import { count } from '../../options/types';
import { usableProcessors } from '../../processors';
import { augmentSection, type AugmentOptions } from '../augment/options';
import type { SkippedSample } from './decode-task';
import type { DataLoaderSettings } from './option-types';

/** Whether the last batch of an epoch may be smaller. */
export const dropLast = (z: Z) =>
  z.boolean().default(true).describe('leave out the last, incomplete batch of an epoch');

/** In which order samples come. */
export const orderShape = (z: Z) => ({
  shuffle: z
    .union([z.boolean(), z.enum(['full', 'block'])])
    .default('full')
    .describe(
      'full (or true): any order; block: for slow disks, in blocks that are read ahead; false: as stored',
    ),
  blockSize: count(z)
    .max(2 ** 20)
    .default(128)
    .describe('consecutive images of a block (shuffle: block)'),
  windowBlocks: count(z)
    .max(2 ** 20)
    .default(256)
    .describe('blocks shuffled together; two such windows are read ahead (shuffle: block)'),
});

/** How images are decoded, and what happens to those that cannot be. */
export const decodingShape = (z: Z) => ({
  workers: z
    .union([z.literal('auto'), z.int().min(0).max(256)])
    .default('auto')
    .describe(
      'decode threads, 0 for none (decodes in the calling thread); auto: one less than the processors this process may use, 1 to 4',
    ),
  onWorkerCrash: z
    .enum(['restart', 'stop'])
    .default('restart')
    .describe(
      'what the end of a decode thread does: a new one takes over, with the same batches (an image that ends two counts as undecodable), or the epoch ends with an error',
    ),
  maxWorkerRestarts: z
    .int()
    .min(0)
    .default(10)
    .describe('decode threads that may end before that is an error all the same'),
  onCorrupt: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe('what an undecodable image does: end the epoch with its error, or be replaced and counted'),
  flip: z.boolean().default(true).describe('mirror each training image with probability 1/2'),
});

/** One process's share of the batches. */
const shareShape = (z: Z) => ({
  batchSize: count(z)
    .max(2 ** 20)
    .describe('images of one batch on one rank'),
  accumulate: count(z)
    .max(2 ** 20)
    .default(1)
    .describe('batches of one rank that make up an optimizer step'),
  seed: z.int().min(0).describe('decides order, flips and augmentation, together with the epoch'),
  rank: z.int().min(0).default(0).describe('number of this process, from 0'),
  worldSize: count(z)
    .max(2 ** 20)
    .default(1)
    .describe('number of processes'),
  dropLast: dropLast(z),
  ...orderShape(z),
});

/** The options of a {@link Sampler}, without the parts of its dataset. */
export const samplerOptions = lazySchema((z) =>
  z
    .strictObject({
      length: count(z)
        .max(2 ** 31 - 1)
        .describe('number of samples of the dataset'),
      ...shareShape(z),
    })
    .refine(({ rank, worldSize }) => rank < worldSize, {
      path: ['rank'],
      error: 'expected a rank below worldSize',
    }),
);

/** The options of a {@link DataLoader}, without what it calls back. */
export const dataLoaderOptions = lazySchema((z) =>
  z.strictObject({
    ...shareShape(z),
    ...decodingShape(z),
    augment: augmentSection(),
    queueDepth: count(z)
      .max(1024)
      .default(4)
      .describe('batches in memory at once: those decoded ahead and those not released yet'),
    resize: z
      .boolean()
      .default(false)
      .describe("bring images of another size to the dataset's instead of refusing them"),
  }),
);

/** The end of a decode worker that nobody asked for. */
export interface WorkerCrash {
  /** Number of the worker, from 0. */
  worker: number;
  /** What it worked on; undefined between two samples. */
  sampleIndex: number | undefined;
  /** Says what, where and why. */
  message: string;
}

/** What a data loader tells while it reads. */
export interface DataLoaderHooks {
  /** Called for each sample that was replaced (`onCorrupt: 'skip'`). */
  onSkip?: (skipped: SkippedSample) => void;
  /** Called for each worker that ended and was replaced (`onWorkerCrash: 'restart'`). */
  onRestart?: (crash: WorkerCrash) => void;
  /** @internal another worker script, for tests. */
  workerFile?: string;
}

/** How a {@link DataLoader} makes batches. */
export interface DataLoaderOptions extends DataLoaderSettings, DataLoaderHooks {}

export type ResolvedDataLoaderOptions = Omit<Output<typeof dataLoaderOptions>, 'workers' | 'augment'> &
  DataLoaderHooks & { workers: number; augment: AugmentOptions | undefined };

/**
 * Fills in defaults.
 * @throws KappaError ERR_ARGUMENT
 */
export function resolveDataLoaderOptions(options: DataLoaderOptions): ResolvedDataLoaderOptions {
  const { onSkip, onRestart, workerFile, ...given } = options;
  const { augment, workers, ...resolved } = resolveOptions(dataLoaderOptions(), given);
  const augments = Object.values(augment).some(({ probability }) => probability > 0);
  return {
    ...resolved,
    ...{ onSkip, onRestart, workerFile },
    workers: workers === 'auto' ? defaultWorkers(usableProcessors()) : workers,
    augment: augments ? augment : undefined,
  };
}

const MAX_DEFAULT_WORKERS = 4;

/** Decode threads for so many usable processors: one is left to whoever uses the images. */
export function defaultWorkers(processors: number): number {
  return Math.min(MAX_DEFAULT_WORKERS, Math.max(1, processors - 1));
}
