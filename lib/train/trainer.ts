import { readEnvironment } from '../env';
import type { ResolvedConfig } from '../config/schema';
import type { FaceDataset } from '../data/face-dataset';
import { Loader } from '../data/loader/loader';
import type { Batch } from '../data/loader/loader';
import type { VerificationSet } from '../data/protocols/verification-set';
import { KappaError } from '../errors';
import { KappaFaceHead } from '../head/kappaface-head';
import { MetricsLog } from '../run/metrics-log';
import { manualSeed, setThreads } from '../runtime/settings';
import { scope } from '../tensor/scope';
import { resolveCheckpoint } from '../run/checkpoint';
import { reportDifficulty } from './difficulty';
import type { MarginStatistics, StepReport, TrainResult, TrainerOptions } from './events';
import { makeModel } from './model';
import type { Model } from './model';
import { randomStates, restore } from './restore';
import { RunFolder } from '../run/run-folder';
import { initialRunState } from '../run/run-state';
import type { RunState } from '../run/run-state';
import { createSchedule } from '../optim/schedule';
import { trainStep } from './step';
import { openTrainingSet } from './training-set';
import type { StepResult } from './step';
import { readValidationSets, validate } from './validation';
import type { ValidationResult } from './validation';

/** Everything a run works with. */
interface Session {
  folder: RunFolder;
  dataset: FaceDataset;
  loader: Loader;
  sets: VerificationSet[];
  model: Model;
  metrics: MetricsLog;
  schedule: (step: number) => number;
  stepsPerEpoch: number;
  state: RunState;
  root: string;
  margins: MarginStatistics;
}

const throughputWindow = 20;

/**
 * Trains what a config describes: steps, schedule, verification, checkpoints, metrics. A run that was interrupted or
 * killed continues bit for bit from its last checkpoint.
 *
 * @example
 * const result = await new Trainer(await loadConfig('configs/base')).run();
 */
export class Trainer {
  readonly config: ResolvedConfig;
  readonly #options: TrainerOptions;

  constructor(config: ResolvedConfig, options: TrainerOptions = {}) {
    this.config = config;
    this.#options = options;
  }

  /**
   * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_LABEL_RANGE`, `ERR_CHECKPOINT`, `ERR_CONFIG`,
   *   `ERR_IO`, `ERR_NOT_FINITE`
   */
  async run(): Promise<TrainResult> {
    const { runtime, seed } = this.config;
    await setThreads(runtime.threads === 'auto' ? readEnvironment().threads : runtime.threads);
    await manualSeed(seed);
    const session = await this.#open();
    try {
      const interrupted = await this.#train(session);
      return await this.#finish(session, interrupted);
    } finally {
      await session.loader.close();
      session.dataset.close();
      session.metrics.close();
      session.model.backbone.dispose();
      session.model.head.dispose();
      session.model.optimizer.dispose();
    }
  }

  async #open(): Promise<Session> {
    const { config } = this;
    const say = (text: string): void => this.#options.onMessage?.(text);
    const resumeFrom = await this.#findRun();
    const { dataset, root, validationRoot } = await openTrainingSet(config, say, this.#options.signal);
    const { batchSize, accumulate, dropLast, epochs } = config.train;
    const workers = config.data.workers === 'auto' ? undefined : config.data.workers;
    const loader = new Loader(dataset, {
      batchSize,
      seed: config.seed,
      workers,
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
    try {
      const stepsPerEpoch = this.#stepsPerEpoch(loader.epochLength, loader.numBatches);
      const sets = await readValidationSets(
        validationRoot,
        config.data.validation,
        config.data.validationRequired,
        say,
      );
      const baseLr = (config.optimizer.lr * batchSize * accumulate) / config.optimizer.referenceBatchSize;
      const schedule = createSchedule(config.schedule, { epochs, stepsPerEpoch, baseLr });
      const model = makeModel(config, dataset.samplesPerClass);
      const folder = resumeFrom?.folder ?? (await RunFolder.create(config));
      await folder.keepClassNames(dataset.classNames);
      const metrics = MetricsLog.open(folder.path('metrics.jsonl'));
      const state = resumeFrom?.checkpoint
        ? await restore(model, resumeFrom.checkpoint, config.runtime.device)
        : initialRunState();
      metrics.truncateAfter(state.step, !state.verificationDue);
      const margins = await marginStatistics(model);
      const session = {
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
      this.#options.onPlan?.({
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
      throw error;
    }
  }

  /** Finds what `resume` means, before anything expensive begins. */
  async #findRun(): Promise<{ folder: RunFolder; checkpoint: string | undefined } | undefined> {
    const { resume } = this.#options;
    if (resume === undefined || resume === false) return undefined;
    if (typeof resume === 'string') {
      const checkpoint = await resolveCheckpoint(resume, 'last');
      const folder = RunFolder.ofCheckpoint(checkpoint);
      await folder.checkConfig(this.config);
      return { folder, checkpoint };
    }
    const folder = await RunFolder.newest(this.config);
    if (!folder) {
      this.#options.onMessage?.(
        `There is no run of ${this.config.name} in ${this.config.output}: starting one.`,
      );
      return undefined;
    }
    await folder.checkConfig(this.config);
    const checkpoint = (await folder.checkpoints.pointed('last')) ?? (await folder.checkpoints.newest());
    if (!checkpoint) this.#options.onMessage?.(`${folder.root} has no checkpoint yet: starting over.`);
    return { folder, checkpoint };
  }

  #stepsPerEpoch(images: number, numBatches: number): number {
    const { batchSize, accumulate, dropLast } = this.config.train;
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

  /** Runs until the last step or an interruption; returns whether it was interrupted. */
  async #train(session: Session): Promise<boolean> {
    const { state } = session;
    if (state.verificationDue) await this.#validateAndSave(session, false);
    if (state.verificationDue) return true;
    while (state.epoch < this.config.train.epochs) {
      if (await this.#trainEpoch(session)) return true;
    }
    return false;
  }

  async #trainEpoch(session: Session): Promise<boolean> {
    const { state, loader, stepsPerEpoch } = session;
    const { accumulate } = this.config.train;
    const epoch = state.epoch;
    const recent: { images: number; at: number }[] = [{ images: 0, at: performance.now() }];
    let batches: Batch[] = [];
    let startedAt = performance.now();
    for await (const batch of loader.epoch(epoch, { startBatch: state.stepInEpoch * accumulate })) {
      batches.push(batch);
      if (batches.length < accumulate) continue;
      const images = batches.reduce((sum, { size }) => sum + size, 0);
      const lr = session.schedule(state.step);
      const result = await trainStep(session.model, batches, {
        lr,
        clipNorm: this.config.optimizer.clipNorm,
      });
      batches = [];
      recent.push({ images, at: performance.now() });
      if (recent.length > throughputWindow) recent.shift();
      state.step += 1;
      state.stepInEpoch += 1;
      state.replacedImages += loader.skipped;
      loader.skipped = 0;
      if (state.stepInEpoch === stepsPerEpoch) await this.#endEpoch(session);
      state.seconds += (performance.now() - startedAt) / 1000;
      startedAt = performance.now();
      this.#report(session, {
        ...result,
        step: state.step,
        epoch,
        lr,
        imagesPerSecond: throughput(recent),
        margins: session.margins,
      });
      await this.#checkFinite(session, result);
      const interrupted = this.#options.signal?.aborted ?? false;
      if (await this.#validateAndSave(session, interrupted)) {
        recent.splice(0, recent.length, { images: 0, at: performance.now() });
        startedAt = performance.now();
      }
      if (state.verificationDue || (interrupted && !this.#isDone(session))) return true;
      if (state.epoch !== epoch) return false; // whatever is left of the epoch does not fill a step
    }
    return false;
  }

  async #endEpoch({ model, state, ...session }: Session): Promise<void> {
    state.epoch += 1;
    state.stepInEpoch = 0;
    if (!(model.head instanceof KappaFaceHead)) return;
    if (!(await model.head.hasObserved())) {
      this.#options.onMessage?.(`Epoch ${state.epoch} made no step: the margins stay as they are.`);
      return;
    }
    await model.head.updateMargins();
    state.marginUpdates = model.head.updates;
    Object.assign(session.margins, await marginStatistics(model));
  }

  #report({ state, metrics }: Session, report: StepReport): void {
    this.#options.onStep?.(report);
    const { window } = state;
    if (report.updated) {
      window.steps += 1;
      window.loss += report.loss;
      window.targetCosine += report.targetCosine;
    }
    if (report.step % this.config.train.logEvery !== 0) return;
    const { loss: _loss, targetCosine: _cosine, ...rest } = report;
    metrics.append({
      ...rest,
      loss: window.loss / window.steps,
      targetCosine: window.targetCosine / window.steps,
      skippedSteps: state.skippedSteps,
      residentBytes: process.memoryUsage.rss(),
    });
    state.window = { steps: 0, loss: 0, targetCosine: 0 };
  }

  async #checkFinite(session: Session, result: StepResult): Promise<void> {
    const { state } = session;
    if (result.updated) {
      state.skippedInARow = 0;
      return;
    }
    state.skippedSteps += 1;
    state.skippedInARow += 1;
    const what = Number.isFinite(result.loss) ? 'a gradient was' : 'the loss was';
    this.#options.onMessage?.(
      `Step ${state.step} was skipped: ${what} not finite (${state.skippedSteps} so far).`,
    );
    if (state.skippedInARow < this.config.train.maxSkippedSteps) return;
    throw new KappaError(
      'ERR_NOT_FINITE',
      `Training stopped at step ${state.step}: ${state.skippedInARow} steps in a row had a loss or gradient that was not finite. The weights are those of the last good step. Lower optimizer.lr, add schedule.warmupEpochs, or look at the data; checkpoints in ${session.folder.checkpoints.root} are as they were.`,
    );
  }

  #isDone({ state }: Session): boolean {
    return state.epoch >= this.config.train.epochs;
  }

  /** Verifies and writes a checkpoint where they are due; returns whether anything was done. */
  async #validateAndSave(session: Session, interrupted: boolean): Promise<boolean> {
    const { state, sets, model, folder } = session;
    const { validateEvery, checkpointEvery, keepCheckpoints } = this.config.train;
    const due = (every: number | null): boolean =>
      this.#isDone(session) || (every === null ? state.stepInEpoch === 0 : state.step % every === 0);
    let isBest = false;
    const validating = (due(validateEvery) || state.verificationDue) && sets.length > 0;
    state.verificationDue = false;
    if (validating) {
      const result = await this.#validate(session);
      isBest = result !== undefined && result.meanAccuracy > (state.best?.meanAccuracy ?? -1);
      if (isBest) state.best = result ?? null;
      if (result) {
        state.last = result;
        session.metrics.append({ step: state.step, epoch: state.epoch, verification: result.verification });
        this.#options.onValidation?.(result, isBest);
      }
    }
    // The best model must be on disk, whatever happens next.
    const saving = due(checkpointEvery) || isBest || interrupted || state.verificationDue;
    if (saving) {
      session.metrics.sync();
      const random = await randomStates(this.config.runtime.device);
      state.lossScaler = model.scaler?.state() ?? null;
      const tensors = {
        backbone: model.backbone.state(),
        head: model.head.state(),
        optimizer: model.optimizer.state(),
        random,
      };
      const saved = await folder.checkpoints.save(
        state.step,
        tensors,
        { run: state, config: this.config },
        isBest,
      );
      for (const tensor of random.values()) tensor.dispose();
      await folder.checkpoints.prune(keepCheckpoints);
      this.#options.onCheckpoint?.(saved);
    }
    return validating || saving;
  }

  /**
   * Verifies; undefined for a model whose embeddings are not finite, which training itself will deal with, and where
   * the run was interrupted: the verification then counts as not made.
   */
  async #validate({ model, sets, state }: Session): Promise<ValidationResult | undefined> {
    try {
      return await validate(model.backbone, sets, state.step, this.#options.signal);
    } catch (error) {
      if (this.#options.signal?.aborted && error instanceof KappaError && error.code === 'ERR_CANCELLED') {
        state.verificationDue = true;
        return undefined;
      }
      if (!(error instanceof KappaError) || error.code !== 'ERR_NOT_FINITE') throw error;
      this.#options.onMessage?.(`Step ${state.step} could not be verified: ${error.message}`);
      return undefined;
    }
  }

  async #finish(session: Session, interrupted: boolean): Promise<TrainResult> {
    const { state, model, folder, root, dataset } = session;
    const result: TrainResult = {
      folder: folder.root,
      interrupted,
      steps: state.step,
      skippedSteps: state.skippedSteps,
      seconds: state.seconds,
      best: state.best,
      final: state.last,
    };
    if (model.head instanceof KappaFaceHead) {
      result.difficulty = await reportDifficulty(model.head, root, dataset.samplesPerClass);
    }
    if (!interrupted) await folder.writeJson('result.json', result);
    return result;
  }
}

async function marginStatistics({ head }: Model): Promise<MarginStatistics> {
  return scope(async () => ({
    min: await (await head.margins.min()).item(),
    mean: await (await head.margins.mean()).item(),
    max: await (await head.margins.max()).item(),
  }));
}

function throughput(recent: readonly { images: number; at: number }[]): number {
  const seconds = ((recent.at(-1)?.at ?? 0) - (recent[0]?.at ?? 0)) / 1000;
  const images = recent.slice(1).reduce((sum, step) => sum + step.images, 0);
  return seconds > 0 ? images / seconds : 0;
}
