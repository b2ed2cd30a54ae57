import { argumentError } from '../../errors';
import { usableProcessors } from '../../processors';
import { resolveAugmentOptions, type AugmentChanges, type AugmentOptions } from '../augment/options';
import type { SkippedSample } from './decode-task';
import type { ShuffleMode } from './sampler';

/** Decode workers of one loader that may end before it gives up. */
export const DEFAULT_MAX_RESTARTS = 10;

const MAX_DEFAULT_WORKERS = 4;

/** The end of a decode worker that nobody asked for. */
export interface WorkerCrash {
  /** Number of the worker, from 0. */
  worker: number;
  /** What it worked on; undefined between two samples. */
  sampleIndex: number | undefined;
  /** Says what, where and why. */
  message: string;
}

export interface LoaderOptions {
  /** Images of one batch on one rank. */
  batchSize: number;
  /** Decides order, flips and augmentation, together with the epoch. */
  seed: number;
  /**
   * Number of decode threads; 0 decodes in the calling thread.
   * @default one less than the processors that affinity and control groups leave to the process, 1 to 4
   */
  workers?: number;
  /** Flag half of the images for mirroring. @default true */
  flip?: boolean;
  /** What else may happen to an image. @default nothing */
  augment?: AugmentChanges;
  /** See {@link SamplerOptions.dropLast}. @default true */
  dropLast?: boolean;
  /** See {@link SamplerOptions.shuffle}. @default true */
  shuffle?: ShuffleMode;
  /** Samples of a block (`shuffle: 'block'`). @default 128 */
  blockSize?: number;
  /** Blocks that are shuffled together and read ahead (`shuffle: 'block'`). @default 256 */
  windowBlocks?: number;
  /** Batches in memory at once: those decoded ahead and those not released yet. @default 4 */
  queueDepth?: number;
  /** @default 0 */
  rank?: number;
  /** @default 1 */
  worldSize?: number;
  /**
   * What a damaged sample does: `stop` ends the epoch with its error; `skip` puts the next sample of the dataset in
   * its place, so that batches stay whole on every rank, and counts it in `skipped`. @default 'stop'
   */
  onCorrupt?: 'stop' | 'skip';
  /** Called for each sample that was replaced. */
  onSkip?: (skipped: SkippedSample) => void;
  /**
   * What the end of a worker does: `restart` lets a new one take over, with the same batches as if nothing had
   * happened; a sample that ends two workers counts as damaged. `stop` ends the epoch with its error.
   * @default 'restart'
   */
  onWorkerCrash?: 'restart' | 'stop';
  /** Restarts of workers after which the next end of one is an error. @default 10 */
  maxWorkerRestarts?: number;
  /** Called for each worker that ended and was replaced. */
  onRestart?: (crash: WorkerCrash) => void;
  /** Bring images of another size to the dataset's instead of refusing them. @default false */
  resize?: boolean;
  /** @internal another worker script, for tests. */
  workerFile?: string;
}

const defaults = {
  queueDepth: 4,
  onCorrupt: 'stop',
  onWorkerCrash: 'restart',
  maxWorkerRestarts: DEFAULT_MAX_RESTARTS,
} as const;

export type ResolvedLoaderOptions = Omit<LoaderOptions, 'augment'> &
  Required<Pick<LoaderOptions, keyof typeof defaults | 'workers'>> & { augment: AugmentOptions | undefined };

/**
 * Fills in defaults and checks what the sampler does not check.
 * @throws KappaError ERR_ARGUMENT
 */
export function resolveLoaderOptions(options: LoaderOptions): ResolvedLoaderOptions {
  const augment = options.augment && resolveAugmentOptions(options.augment);
  const resolved = {
    ...options,
    workers: options.workers ?? defaultWorkers(usableProcessors()),
    queueDepth: options.queueDepth ?? defaults.queueDepth,
    onCorrupt: options.onCorrupt ?? defaults.onCorrupt,
    onWorkerCrash: options.onWorkerCrash ?? defaults.onWorkerCrash,
    maxWorkerRestarts: options.maxWorkerRestarts ?? defaults.maxWorkerRestarts,
    augment:
      augment && Object.values(augment).some(({ probability }) => probability > 0) ? augment : undefined,
  };
  checkInteger('workers', resolved.workers, 0, 256);
  checkInteger('queueDepth', resolved.queueDepth, 1, 1024);
  checkInteger('maxWorkerRestarts', resolved.maxWorkerRestarts, 0, Number.MAX_SAFE_INTEGER);
  if (!['stop', 'skip'].includes(resolved.onCorrupt))
    throw argumentError('onCorrupt', `'stop' or 'skip'`, resolved.onCorrupt);
  if (!['restart', 'stop'].includes(resolved.onWorkerCrash))
    throw argumentError('onWorkerCrash', `'restart' or 'stop'`, resolved.onWorkerCrash);
  return resolved;
}

/** Decode threads for so many usable processors: one is left to whoever uses the images. */
export function defaultWorkers(processors: number): number {
  return Math.min(MAX_DEFAULT_WORKERS, Math.max(1, processors - 1));
}

function checkInteger(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high)
    throw argumentError(name, `an integer from ${low} to ${high}`, value);
}
