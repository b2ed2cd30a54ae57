import { readEnvironment } from '../env';
import type { ResolvedConfig } from '../config/schema';
import { KappaError, ioError } from '../errors';
import { usableProcessors } from '../processors';
import { configureDevice, manualSeed, setThreads } from '../runtime/settings';
import { toDevice } from './batch-input';
import { BatchSource } from './batch-source';
import type { StepBatch } from './batch-source';
import { reportDifficulty } from './difficulty';
import type { DryRunReport } from './dry-run';
import type { StepReport, TrainResult, TrainerOptions } from './events';
import { peersOf } from './ranks';
import { rescue } from './rescue';
import { saveCheckpoint } from './save';
import { closeSession, keepRandomStates, marginStatistics, openSession } from './session';
import type { Session } from './session';
import { trainStep } from './step';
import { Throughput } from './throughput';
import type { StepResult } from './step';
import { validate } from './validation';
import type { ValidationResult } from '../run/run-state';

const RECENT_LOSSES = 10;

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
    await this.#prepare();
    const session = await openSession(this.config, this.#options);
    try {
      const interrupted = await this.#train(session);
      return await this.#finish(session, interrupted);
    } catch (error) {
      throw await rescue(session, session.config, error, (text) => this.#options.onMessage?.(text));
    } finally {
      await closeSession(session);
    }
  }

  /**
   * Tries everything that {@link run} would do, one step included, and writes nothing.
   *
   * @throws what {@link run} throws, and KappaError `ERR_OUT_OF_MEMORY`
   */
  async dryRun(): Promise<DryRunReport> {
    await this.#prepare();
    const { dryRun } = await import('./dry-run');
    return await dryRun(this.config, this.#options);
  }

  async #prepare(): Promise<void> {
    const { runtime, seed } = this.config;
    const { localWorldSize = 1 } = this.#options.group ?? {};
    const fair =
      localWorldSize > 1 ? Math.max(1, Math.floor(usableProcessors() / localWorldSize)) : undefined;
    await setThreads(runtime.threads === 'auto' ? (readEnvironment().threads ?? fair) : runtime.threads);
    await configureDevice(runtime);
    await manualSeed(seed);
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
    const { state, loader, stepsPerEpoch, group } = session;
    const { accumulate } = session.config.train;
    const epoch = state.epoch;
    const throughput = new Throughput();
    let batches: StepBatch[] = [];
    let startedAt = performance.now();
    const { imageSize, device } = session.model.backbone.options;
    const source = new BatchSource(
      loader.epoch(epoch, { startBatch: state.stepInEpoch * accumulate }),
      loader,
      (batch) => toDevice(batch, imageSize, device),
    );
    for await (const batch of source) {
      batches.push(batch);
      if (batches.length < accumulate) continue;
      const images = batches.reduce((sum, { size }) => sum + size, 0) * (group?.worldSize ?? 1);
      const lr = session.schedule(state.step);
      const result = await this.#step(session, source, batches, lr);
      batches = [];
      throughput.add(images);
      if (state.stepInEpoch === stepsPerEpoch) await this.#endEpoch(session);
      state.verificationDue = this.#isDue(session, this.config.train.validateEvery);
      state.seconds += (performance.now() - startedAt) / 1000;
      startedAt = performance.now();
      this.#report(session, {
        ...result,
        step: state.step,
        epoch,
        lr,
        imagesPerSecond: throughput.imagesPerSecond,
        margins: session.margins,
      });
      this.#checkFinite(session, result);
      // Several ranks stop together; alone there is nobody to agree with.
      const interrupted = group ? result.stopping : (this.#options.signal?.aborted ?? false);
      if (await this.#validateAndSave(session, interrupted)) {
        throughput.restart();
        startedAt = performance.now();
      }
      if (state.verificationDue || (interrupted && !this.#isDone(session))) return true;
      if (state.epoch !== epoch) return false; // whatever is left of the epoch does not fill a step
    }
    return false;
  }

  /** Makes a step and counts it. */
  async #step(
    session: Session,
    source: BatchSource,
    batches: readonly StepBatch[],
    lr: number,
  ): Promise<StepResult> {
    const { state } = session;
    session.saves.check();
    const { device } = session.model.backbone.options;
    await keepRandomStates(session, device);
    session.isSound = false;
    const { accumulate } = session.config.train;
    await session.group?.atStep(state.step + 1);
    const lossScale = session.model.scaler?.factor;
    const result = await trainStep(session.model, batches, {
      lr,
      clipNorm: this.config.optimizer.clipNorm,
      stopping: this.#options.signal?.aborted,
      // A CPU computes everything itself: nothing would go on beside it.
      onUnderWay: device === 'cpu' ? undefined : () => source.prepare(),
      onUndone: () => (session.isSound = session.isStepUndone = true),
    });
    session.isSound = true;
    const { loss } = result;
    if (result.updated) session.recentLosses = [...session.recentLosses, loss].slice(-RECENT_LOSSES);
    else {
      const startBatch = state.stepInEpoch * accumulate;
      session.failed = { step: state.step + 1, epoch: state.epoch, startBatch, lr, loss, lossScale };
    }
    state.step += 1;
    state.stepInEpoch += 1;
    state.replacedImages += source.skipped;
    source.skipped = 0;
    state.skippedInARow = result.updated ? 0 : state.skippedInARow + 1;
    if (!result.updated) state.skippedSteps += 1;
    return result;
  }

  async #endEpoch(session: Session): Promise<void> {
    const { model, state, margins, dataset, journal } = session;
    session.isSound = false;
    state.epoch += 1;
    state.stepInEpoch = 0;
    const adapted = await model.head.endEpoch();
    if (!adapted) this.#say(session, `Epoch ${state.epoch} made no step: the margins stay as they are.`);
    else {
      state.headCounters = model.head.counters;
      Object.assign(margins, await marginStatistics(model.head));
      const { classStatistics } = await import('./class-statistics');
      const statistics = await classStatistics(model.head, dataset.samplesPerClass);
      if (statistics) journal?.classes({ step: state.step, epoch: state.epoch, ...statistics });
    }
    session.isSound = true;
  }

  #report(session: Session, report: StepReport): void {
    const { state, journal } = session;
    const { window } = state;
    if (report.updated) {
      window.steps += 1;
      window.loss += report.loss;
      window.targetCosine += report.targetCosine;
    }
    if (report.step % this.config.train.logEvery === 0) {
      const { loss: _loss, targetCosine: _cosine, stopping: _stopping, ...rest } = report;
      journal?.step({
        ...rest,
        loss: window.loss / window.steps,
        targetCosine: window.targetCosine / window.steps,
        skippedSteps: state.skippedSteps,
        residentBytes: process.memoryUsage.rss(),
      });
      state.window = { steps: 0, loss: 0, targetCosine: 0 };
    }
    if (isFirst(session)) this.#options.onStep?.(report);
  }

  #checkFinite(session: Session, result: StepResult): void {
    const { state } = session;
    if (result.updated) return;
    const what = Number.isFinite(result.loss) ? 'a gradient was' : 'the loss was';
    this.#say(session, `Step ${state.step} was skipped: ${what} not finite (${state.skippedSteps} so far).`);
    if (state.skippedInARow < this.config.train.maxSkippedSteps) return;
    throw new KappaError(
      'ERR_NOT_FINITE',
      `Training stopped at step ${state.step}: ${state.skippedInARow} steps in a row had a loss or gradient that was not finite.`,
    );
  }

  #isDone({ state }: Session): boolean {
    return state.epoch >= this.config.train.epochs;
  }

  /** Whether something is to be done now that is done every so many steps, or at the end of each epoch. */
  #isDue(session: Session, every: number | null): boolean {
    const { step, stepInEpoch } = session.state;
    return this.#isDone(session) || (every === null ? stepInEpoch === 0 : step % every === 0);
  }

  /** Verifies and begins a checkpoint where they are due; returns whether anything was done. */
  async #validateAndSave(session: Session, interrupted: boolean): Promise<boolean> {
    const { state, sets } = session;
    const { checkpointEvery } = this.config.train;
    const validating = state.verificationDue && sets.length > 0;
    state.verificationDue = false;
    let isBest = false;
    if (validating) {
      const result = await this.#validate(session);
      isBest = result !== undefined && result.meanAccuracy > (state.best?.meanAccuracy ?? -1);
      if (isBest) state.best = result ?? null;
      if (result) {
        state.last = result;
        session.journal?.verification(state.epoch, result);
        if (isFirst(session)) this.#options.onValidation?.(result, isBest);
      }
    }
    // The best model must be on disk, whatever happens next.
    const saving = this.#isDue(session, checkpointEvery) || isBest || interrupted || state.verificationDue;
    if (saving) {
      session.journal?.sync();
      await saveCheckpoint(session, session.config, {
        onSaved: async (saved) => {
          if (!isFirst(session)) return;
          await this.#prune(session);
          this.#options.onCheckpoint?.(saved);
        },
        onMessage: (text) => this.#say(session, text),
      });
    }
    return validating || saving;
  }

  /** Removes old checkpoints. One that cannot be removed ends nothing. */
  async #prune({ folder, good }: Session): Promise<void> {
    const { keepCheckpoints } = this.config.train;
    await folder.checkpoints.prune(keepCheckpoints, good?.folder).catch((error: unknown) => {
      this.#options.onMessage?.(ioError(error, 'remove old checkpoints of', folder.root).message);
    });
  }

  /**
   * Verifies; undefined where that failed, which is told and ends nothing, and where the run was interrupted: the
   * verification then counts as not made.
   */
  async #validate(session: Session): Promise<ValidationResult | undefined> {
    const { model, sets, state, group } = session;
    try {
      return await validate(model.backbone, sets, state.step, this.#options.signal, group);
    } catch (error) {
      const code = error instanceof KappaError ? error.code : undefined;
      // Of several ranks another one may have been interrupted.
      if ((this.#options.signal?.aborted || group) && code === 'ERR_CANCELLED') {
        state.verificationDue = true;
        return undefined;
      }
      if (code === 'ERR_PEER' || code === 'ERR_TIMEOUT') throw error;
      const why = error instanceof Error ? error.message : String(error);
      this.#say(session, `Step ${state.step} could not be verified, training goes on: ${why}`);
      return undefined;
    }
  }

  async #finish(session: Session, interrupted: boolean): Promise<TrainResult> {
    const { state, model, folder, root, dataset } = session;
    await session.saves.settled();
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
    if (!interrupted && isFirst(session)) await folder.writeJson('result.json', result);
    return result;
  }

  /** Says what concerns all ranks, once. */
  #say(session: Session, text: string): void {
    if (isFirst(session)) this.#options.onMessage?.(text);
  }
}

function isFirst({ group }: Session): boolean {
  return peersOf(group).rank === 0;
}
