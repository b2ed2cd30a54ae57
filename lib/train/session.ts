import type { ResolvedConfig } from '../config/schema';
import { fingerprintOf } from '../data/fingerprint';
import type { HeldLock } from '../files/lock';
import type { MarginHead } from '../head/margin-head';
import { MetricsLog } from '../run/metrics-log';
import { RunFolder } from '../run/run-folder';
import { initialRunState } from '../run/run-state';
import type { RunState } from '../run/run-state';
import { readNumbers } from '../optim/decision';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import type { MarginStatistics, TrainerOptions } from './events';
import type { FailedStep } from './failed-step';
import { findRun } from './find-run';
import { randomStates, restore } from './restore';
import { Saves } from './saves';
import { closeWorkshop, openWorkshop } from './workshop';
import type { Workshop } from './workshop';

/** A checkpoint of a run. */
export interface SavedStep {
  step: number;
  folder: string;
}

/** Everything a run works with. */
export interface Session extends Workshop {
  /** What is trained: as given, with all that was left to the machine decided. */
  config: ResolvedConfig;
  folder: RunFolder;
  /** Keeps other processes out of the folder. */
  lock: HeldLock;
  metrics: MetricsLog;
  state: RunState;
  margins: MarginStatistics;
  /** Steps that were done when it was opened. */
  firstStep: number;
  /** The checkpoints that are being written. */
  saves: Saves;
  /** The newest checkpoint. */
  saved: SavedStep | undefined;
  /** The newest checkpoint whose last step was good. */
  good: SavedStep | undefined;
  /** Whether tensors and state belong together: not in the middle of an update. */
  isSound: boolean;
  /** Whether the last step failed and was taken back, but for the random numbers that it drew. */
  isStepUndone: boolean;
  /** The generators' states before the last step. */
  randomBefore: Promise<ReadonlyMap<string, Tensor>> | undefined;
  /** The last step that was left out. */
  failed: FailedStep | undefined;
  /** Losses of the last steps, the newest last. */
  recentLosses: number[];
}

/**
 * Opens what a run works with: data, model, folder; takes up the state of a run that goes on.
 *
 * @throws what {@link Trainer.run} throws
 */
export async function openSession(given: ResolvedConfig, options: TrainerOptions): Promise<Session> {
  const say = (text: string): void => options.onMessage?.(text);
  const { config, found } = await findRun(given, options);
  let lock = await found?.folder.lock(say, options.signal);
  let workshop: Workshop | undefined;
  let metrics: MetricsLog | undefined;
  try {
    workshop = await openWorkshop(config, options);
    const { dataset, model, root, stepsPerEpoch } = workshop;
    const folder = found?.folder ?? (await RunFolder.create(config));
    lock ??= await folder.lock(say, options.signal);
    await folder.keepDataset(await fingerprintOf(dataset), dataset.classNames);
    await folder.keepClassNames(dataset.classNames);
    metrics = MetricsLog.open(folder.path('metrics.jsonl'));
    const resumed = found?.checkpoint;
    const state = resumed ? await restore(model, resumed, config.runtime.device) : initialRunState();
    const saved = resumed === undefined ? undefined : { step: state.step, folder: resumed };
    metrics.truncateAfter(state.step, !state.verificationDue);
    const session: Session = {
      ...workshop,
      config,
      folder,
      lock,
      metrics,
      state,
      margins: await marginStatistics(model.head),
      firstStep: state.step,
      saves: new Saves(),
      saved,
      good: saved,
      isSound: true,
      isStepUndone: false,
      randomBefore: undefined,
      failed: undefined,
      recentLosses: [],
    };
    options.onPlan?.({
      folder: folder.root,
      root,
      images: dataset.length,
      classes: dataset.numClasses,
      epochs: config.train.epochs,
      totalSteps: config.train.epochs * stepsPerEpoch,
      firstStep: state.step,
      resumedFrom: resumed,
    });
    return session;
  } catch (error) {
    metrics?.close();
    if (workshop) await closeWorkshop(workshop);
    lock?.release();
    throw error;
  }
}

/** Closes what {@link openSession} opened. */
export async function closeSession(session: Session): Promise<void> {
  await forget(session.randomBefore);
  // Whoever waited for the last one has heard of an error.
  await session.saves.settled().catch(() => undefined);
  await closeWorkshop(session);
  session.metrics.close();
  session.lock.release();
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

/** The margins that are in force. */
export function marginStatistics({ margins, numClasses, group }: MarginHead): Promise<MarginStatistics> {
  return scope(async () => {
    const own = [await margins.min(), await margins.mean(), await margins.max()] as const;
    if (group) {
      await own[1].mulInPlace(margins.size / numClasses);
      await group.allReduce(own[0], 'minimum');
      await group.allReduce(own[1]);
      await group.allReduce(own[2], 'maximum');
    }
    const [min, mean, max] = (await readNumbers(own)) as [number, number, number];
    return { min, mean, max };
  });
}
