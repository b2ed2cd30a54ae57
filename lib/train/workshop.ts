import type { ResolvedConfig } from '../config/schema';
import type { FaceDataset } from '../data/face-dataset';
import { DataLoader } from '../data/loader/data-loader';
import type { VerificationSet } from '../data/protocols/verification-set';
import { KappaError } from '../errors';
import { createSchedule, scaledLearningRate } from '../optim/schedule';
import type { ProcessGroup } from '../distributed/process-group';
import type { TrainerOptions } from './events';
import { makeModel } from './model';
import type { Model } from './model';
import { leadersFirst, peersOf } from './ranks';
import { openTrainingSet } from './training-set';
import { readValidationSets } from './validation';

/** What a run works with, whichever run it is: data and model. */
export interface Workshop {
  dataset: FaceDataset;
  /** The folder of the data. */
  root: string;
  loader: DataLoader;
  sets: VerificationSet[];
  model: Model;
  /** The learning rate of each step. */
  schedule: (step: number) => number;
  stepsPerEpoch: number;
}

/**
 * Opens the data, checks the verification sets and makes the model.
 *
 * @param keepIndexes whether what a scan of the data found may be kept beside them
 * @throws what {@link Trainer.run} throws
 */
export async function openWorkshop(
  config: ResolvedConfig,
  options: TrainerOptions,
  keepIndexes = true,
): Promise<Workshop> {
  const { group, signal } = options;
  // What concerns all ranks is said once.
  const say = (text: string): void => void (peersOf(group).rank === 0 && options.onMessage?.(text));
  const { dataset, root, validationRoot } = await leadersFirst(group, () =>
    openTrainingSet(config, say, signal, keepIndexes),
  );
  let loader: DataLoader | undefined;
  try {
    loader = openLoader(config, dataset, options);
    const stepsPerEpoch = countSteps(config, loader, group);
    const sets = await readValidationSets(validationRoot, config.data, say, signal);
    const { batchSize, accumulate, epochs } = config.train;
    const baseLr = scaledLearningRate(config.optimizer, batchSize * accumulate * (group?.worldSize ?? 1));
    const schedule = createSchedule(config.schedule, { epochs, stepsPerEpoch, baseLr });
    const model = await makeModel(config, dataset.samplesPerClass, group);
    return { dataset, root, loader, sets, model, schedule, stepsPerEpoch };
  } catch (error) {
    await loader?.close();
    dataset.close();
    throw error;
  }
}

/** Closes what {@link openWorkshop} opened. */
export async function closeWorkshop({ loader, dataset, model }: Workshop): Promise<void> {
  await loader.close();
  dataset.close();
  model.backbone.dispose();
  model.head.dispose();
  model.optimizer.dispose();
}

function openLoader(
  config: ResolvedConfig,
  dataset: FaceDataset,
  { group, onMessage }: TrainerOptions,
): DataLoader {
  const { batchSize, accumulate, dropLast } = config.train;
  const say = (text: string): void => onMessage?.(text);
  return new DataLoader(dataset, {
    batchSize,
    accumulate,
    rank: group?.rank ?? 0,
    worldSize: group?.worldSize ?? 1,
    seed: config.seed,
    workers: config.data.workers,
    flip: config.data.flip,
    augment: config.data.augment,
    dropLast,
    shuffle: config.data.shuffle,
    blockSize: config.data.blockSize,
    windowBlocks: config.data.windowBlocks,
    queueDepth: 3 + accumulate,
    onCorrupt: config.data.onCorrupt,
    onSkip: (skipped) => say(`A damaged image was replaced: ${skipped.message}`),
    onWorkerCrash: config.data.onWorkerCrash,
    maxWorkerRestarts: config.data.maxWorkerRestarts,
    onRestart: (crash) => say(`${crash.message} A new one took over.`),
  });
}

/** Optimizer steps of an epoch. @throws KappaError `ERR_CONFIG` where the images do not fill one */
function countSteps(
  config: ResolvedConfig,
  { epochLength: images, numBatches }: DataLoader,
  group: ProcessGroup | undefined,
): number {
  const { batchSize, accumulate, dropLast } = config.train;
  // Batch normalisation cannot train on a last batch of one image; several ranks or passes have none.
  const isOne = !group && accumulate === 1 && !dropLast && images % batchSize === 1;
  const usable = isOne ? numBatches - 1 : numBatches;
  const steps = Math.floor(usable / accumulate);
  if (steps < 1) {
    throw new KappaError(
      'ERR_CONFIG',
      `The ${images} images do not fill one step of ${batchSize} x ${accumulate}: lower train.batchSize or train.accumulate.`,
    );
  }
  return steps;
}
