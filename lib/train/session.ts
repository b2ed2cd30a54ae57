import type { ResolvedConfig } from '../config/schema';
import type { FaceDataset } from '../data/face-dataset';
import { DataLoader } from '../data/loader/data-loader';
import type { VerificationSet } from '../data/protocols/verification-set';
import { KappaError } from '../errors';
import type { MarginHead } from '../head/margin-head';
import { createSchedule, scaledLearningRate } from '../optim/schedule';
import { resolveCheckpoint } from '../run/checkpoint';
import { MetricsLog } from '../run/metrics-log';
import { RunFolder } from '../run/run-folder';
import { decidePrecision, sayPrecision } from './precision';
import { initialRunState } from '../run/run-state';
import type { RunState } from '../run/run-state';
import type { MarginStatistics, TrainerOptions } from './events';
import { makeModel } from './model';
import type { Model } from './model';
import { restore } from './restore';
import { openTrainingSet } from './training-set';
import { readValidationSets } from './validation';

/** Everything a run works with. */
export interface Session {
  /** What is trained: as given, with all that was left to the machine decided. */
  config: ResolvedConfig;
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
}

/**
 * Opens what a run works with: data, model, folder; takes up the state of a run that goes on.
 *
 * @throws what {@link Trainer.run} throws
 */
export async function openSession(given: ResolvedConfig, options: TrainerOptions): Promise<Session> {
  const say = (text: string): void => options.onMessage?.(text);
  const { config, resumeFrom } = await findRun(given, options);
  sayPrecision(given, config, say);
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
    const sets = await readValidationSets(
      validationRoot,
      config.data.validation,
      config.data.validationRequired,
      say,
    );
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
    const session = {
      config,
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

/** Where a run goes on. */
interface ResumeFrom {
  folder: RunFolder;
  checkpoint: string | undefined;
}

/** Finds what `resume` means, before anything expensive begins; and decides what the config leaves to the machine. */
async function findRun(
  given: ResolvedConfig,
  { resume, onMessage }: TrainerOptions,
): Promise<{ config: ResolvedConfig; resumeFrom?: ResumeFrom }> {
  if (resume === undefined || resume === false) return { config: decidePrecision(given) };
  if (typeof resume === 'string') {
    const checkpoint = await resolveCheckpoint(resume, 'last');
    const folder = RunFolder.ofCheckpoint(checkpoint);
    return { config: await resumedConfig(given, folder), resumeFrom: { folder, checkpoint } };
  }
  const folder = await RunFolder.newest(given);
  if (!folder) {
    onMessage?.(`There is no run of ${given.name} in ${given.output}: starting one.`);
    return { config: decidePrecision(given) };
  }
  const config = await resumedConfig(given, folder);
  const checkpoint = (await folder.checkpoints.pointed('last')) ?? (await folder.checkpoints.newest());
  if (!checkpoint) onMessage?.(`${folder.root} has no checkpoint yet: starting over.`);
  return { config, resumeFrom: { folder, checkpoint } };
}

/** The config of a run that goes on: what was decided at its start stays. */
async function resumedConfig(given: ResolvedConfig, folder: RunFolder): Promise<ResolvedConfig> {
  const config = decidePrecision(given, await folder.savedConfig());
  await folder.checkConfig(config);
  return config;
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
export async function closeSession({ loader, dataset, metrics, model }: Session): Promise<void> {
  await loader.close();
  dataset.close();
  metrics.close();
  disposeModel(model);
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
