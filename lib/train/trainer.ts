import { readEnvironment } from '../env';
import type { ResolvedConfig } from '../config/schema';
import type { Batch } from '../data/loader/data-loader';
import { KappaError } from '../errors';
import { manualSeed, setThreads } from '../runtime/settings';
import { reportDifficulty } from './difficulty';
import type { StepReport, TrainResult, TrainerOptions } from './events';
import { randomStates } from './restore';
import { closeSession, marginStatistics, openSession } from './session';
import type { Session } from './session';
import { trainStep } from './step';
import type { StepResult } from './step';
import { validate } from './validation';
import type { ValidationResult } from '../run/run-state';

const THROUGHPUT_WINDOW = 20;

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
    const session = await openSession(this.config, this.#options);
    try {
      const interrupted = await this.#train(session);
      return await this.#finish(session, interrupted);
    } finally {
      await closeSession(session);
    }
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
      if (recent.length > THROUGHPUT_WINDOW) recent.shift();
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

  async #endEpoch({ model, state, margins }: Session): Promise<void> {
    state.epoch += 1;
    state.stepInEpoch = 0;
    if (!(await model.head.endEpoch())) {
      this.#options.onMessage?.(`Epoch ${state.epoch} made no step: the margins stay as they are.`);
      return;
    }
    state.headCounters = model.head.counters;
    Object.assign(margins, await marginStatistics(model.head));
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
      state.lossScaler = model.scaler?.stateDict() ?? null;
      const tensors = {
        backbone: model.backbone.stateDict(),
        head: model.head.stateDict(),
        optimizer: model.optimizer.stateDict(),
        random,
      };
      const saved = await folder.checkpoints.save(
        state.step,
        tensors,
        { run: state, config: session.config },
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
    result.difficulty = await reportDifficulty(model.head, root, dataset.samplesPerClass);
    if (!interrupted) await folder.writeJson('result.json', result);
    return result;
  }
}

function throughput(recent: readonly { images: number; at: number }[]): number {
  const seconds = ((recent.at(-1)?.at ?? 0) - (recent[0]?.at ?? 0)) / 1000;
  const images = recent.slice(1).reduce((sum, step) => sum + step.images, 0);
  return seconds > 0 ? images / seconds : 0;
}
