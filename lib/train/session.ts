import type { ResolvedConfig } from '../config/schema';
import type { FaceDataset } from '../data/face-dataset';
import { DataLoader } from '../data/loader/data-loader';
import type { VerificationSet } from '../data/protocols/verification-set';
import { KappaError } from '../errors';
import type { MarginHead } from '../head/margin-head';
import type { Tensor } from '../tensor/tensor';
import { createSchedule, scaledLearningRate } from '../optim/schedule';
import { resolveCheckpoint } from '../run/checkpoint';
import { MetricsLog } from '../run/metrics-log';
import { RunFolder } from '../run/run-folder';
import { initialRunState } from '../run/run-state';
import type { RunState } from '../run/run-state';
import type { MarginStatistics, TrainerOptions } from './events';
import { makeModel } from './model';
import type { Model } from './model';
import { randomStates, restore } from './restore';
import { openTrainingSet } from './training-set';
import { readValidationSets } from './validation';

/** Everything a run works with. */
export interface Session {
  folder: RunFolder;
  dataset: FaceDataset;
  loader: DataLoader;
  sets: VerificationSet[];
  model: Model;
  metrics: MetricsLog;
  schedule: (step: number) => number;
  stepsPerEpoch: number;
  state: RunState;
  root: string;
  margins: MarginStatistics;
  /** Steps that were done when it was opened. */
  firstStep: number;
  /** The newest checkpoint. */
  saved: { step: number; folder: string } | undefined;
  /** Whether tensors and state belong together: not in the middle of an update. */
  isSound: boolean;
  /** Whether the last step failed and was taken back, but for the random numbers that it drew. */
  isStepUndone: boolean;
  /** The generators' states before the last step. */
  randomBefore: Promise<ReadonlyMap<string, Tensor>> | undefined;
}

/**
 * Opens what a run works with: data, model, folder; takes up the state of a run that goes on.
 *
 * @throws what {@link Trainer.run} throws
 */
export async function openSession(config: ResolvedConfig, options: TrainerOptions): Promise<Session> {
  const say = (text: string): void => options.onMessage?.(text);
  const resumeFrom = await findRun(config, options);
  const { dataset, root, validationRoot } = await openTrainingSet(config, say, options.signal);
  const { batchSize, accumulate, dropLast, epochs } = config.train;
  const loader = new DataLoader(dataset, {
    batchSize,
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
  let model: Model | undefined;
  try {
    const stepsPerEpoch = countSteps(config, loader);
    const sets = await readValidationSets(validationRoot, config.data, say, options.signal);
    const baseLr = scaledLearningRate(config.optimizer, batchSize * accumulate);
    const schedule = createSchedule(config.schedule, { epochs, stepsPerEpoch, baseLr });
    model = makeModel(config, dataset.samplesPerClass);
    const folder = resumeFrom?.folder ?? (await RunFolder.create(config));
    await folder.keepClassNames(dataset.classNames);
    const metrics = MetricsLog.open(folder.path('metrics.jsonl'));
    const state = resumeFrom?.checkpoint
      ? await restore(model, resumeFrom.checkpoint, config.runtime.device)
      : initialRunState();
    metrics.truncateAfter(state.step, !state.verificationDue);
    const margins = await marginStatistics(model.head);
    const resumed = resumeFrom?.checkpoint;
    const session: Session = {
      folder,
      dataset,
      loader,
      sets,
      model,
      metrics,
      schedule,
      stepsPerEpoch,
      state,
      root,
      margins,
      firstStep: state.step,
      saved: resumed === undefined ? undefined : { step: state.step, folder: resumed },
      isSound: true,
      isStepUndone: false,
      randomBefore: undefined,
    };
    options.onPlan?.({
      folder: folder.root,
      root,
      images: dataset.length,
      classes: dataset.numClasses,
      epochs,
      totalSteps: epochs * stepsPerEpoch,
      firstStep: state.step,
      resumedFrom: resumeFrom?.checkpoint,
    });
    return session;
  } catch (error) {
    await loader.close();
    dataset.close();
    disposeModel(model);
    throw error;
  }
}

/** Finds what `resume` means, before anything expensive begins. */
async function findRun(
  config: ResolvedConfig,
  { resume, onMessage }: TrainerOptions,
): Promise<{ folder: RunFolder; checkpoint: string | undefined } | undefined> {
  if (resume === undefined || resume === false) return undefined;
  if (typeof resume === 'string') {
    const checkpoint = await resolveCheckpoint(resume, 'last');
    const folder = RunFolder.ofCheckpoint(checkpoint);
    await folder.checkConfig(config);
    return { folder, checkpoint };
  }
  const folder = await RunFolder.newest(config);
  if (!folder) {
    onMessage?.(`There is no run of ${config.name} in ${config.output}: starting one.`);
    return undefined;
  }
  await folder.checkConfig(config);
  const checkpoint = (await folder.checkpoints.pointed('last')) ?? (await folder.checkpoints.newest());
  if (!checkpoint) onMessage?.(`${folder.root} has no checkpoint yet: starting over.`);
  return { folder, checkpoint };
}

/** Optimizer steps of an epoch. @throws KappaError `ERR_CONFIG` where the images do not fill one */
function countSteps(config: ResolvedConfig, { epochLength: images, numBatches }: DataLoader): number {
  const { batchSize, accumulate, dropLast } = config.train;
  // Batch normalisation cannot train on a last batch of one image.
  const usable = !dropLast && images % batchSize === 1 ? numBatches - 1 : numBatches;
  const steps = Math.floor(usable / accumulate);
  if (steps < 1) {
    throw new KappaError(
      'ERR_CONFIG',
      `The ${images} images do not fill one step of ${batchSize} x ${accumulate}: lower train.batchSize or train.accumulate.`,
    );
  }
  return steps;
}

/** Closes what {@link openSession} opened. */
export async function closeSession(session: Session): Promise<void> {
  const { loader, dataset, metrics, model } = session;
  await loader.close();
  await forget(session.randomBefore);
  dataset.close();
  metrics.close();
  disposeModel(model);
}

/** Keeps the states of the random generators as they are now, before a step. */
export async function keepRandomStates(session: Session, device: string): Promise<void> {
  const before = session.randomBefore;
  session.randomBefore = randomStates(device);
  // Whoever asks for them hears of an error.
  session.randomBefore.catch(() => undefined);
  await forget(before);
}

async function forget(states: Session['randomBefore']): Promise<void> {
  const kept = await states?.catch(() => undefined);
  for (const tensor of kept?.values() ?? []) tensor.dispose();
}

function disposeModel(model: Model | undefined): void {
  model?.backbone.dispose();
  model?.head.dispose();
  model?.optimizer.dispose();
}

/** The margins that are in force. */
export async function marginStatistics({ margins }: MarginHead): Promise<MarginStatistics> {
  const [min, mean, max] = await Promise.all([
    margins.min().item(),
    margins.mean().item(),
    margins.max().item(),
  ]);
  return { min, mean, max };
}
