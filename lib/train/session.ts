import type { ResolvedConfig } from '../config/schema';
import { fingerprintOf, type Fingerprint } from '../data/fingerprint';
import type { ProcessGroup } from '../distributed/process-group';
import type { HeldLock } from '../files/lock';
import type { MarginHead } from '../head/margin-head';
import { together } from '../run/peers';
import { RunFolder } from '../run/run-folder';
import { buildInfo } from '../runtime/settings';
import { initialRunState } from '../run/run-state';
import type { RunState } from '../run/run-state';
import { readNumbers } from '../optim/decision';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import type { MarginStatistics, TrainerOptions } from './events';
import type { FailedStep } from './failed-step';
import { findRun } from './find-run';
import type { Journal } from './journal';
import { factsOf, fromFirst, mustAgree, peersOf, shareBatches } from './ranks';
import { randomStates, readRunState, restore } from './restore';
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
  /** The ranks that train together. */
  group: ProcessGroup | undefined;
  /** Keeps other processes out of the folder; of the first rank. */
  lock: HeldLock | undefined;
  /** Of the first rank. */
  journal: Journal | undefined;
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

/** What the first rank found out, for all. */
interface Beginning {
  config: ResolvedConfig;
  /** The folder of the run that goes on; null where a new one begins. */
  root: string | null;
  checkpoint: string | null;
}

/**
 * Opens what a run works with: data, model, folder; takes up the state of a run that goes on. Several ranks do it together:
 * the first one finds, makes and locks the folder, and decides what the config leaves open.
 *
 * @throws what {@link Trainer.run} throws
 */
export async function openSession(given: ResolvedConfig, options: TrainerOptions): Promise<Session> {
  const { group } = options;
  const peers = peersOf(group);
  const isFirst = peers.rank === 0;
  const say = (text: string): void => options.onMessage?.(text);
  await mustAgree(peers, { libtorch: buildInfo().libtorch, ...factsOf(given) });
  let lock: HeldLock | undefined;
  let workshop: Workshop | undefined;
  let journal: Journal | undefined;
  try {
    const { config, root, checkpoint } = await fromFirst(peers, async (): Promise<Beginning> => {
      const { config, found } = await findRun(given, options);
      lock = await found?.folder.lock(say, options.signal);
      return { config, root: found?.folder.root ?? null, checkpoint: found?.checkpoint ?? null };
    });
    const before = checkpoint === null ? null : (await readRunState(checkpoint)).batches;
    const own = shareBatches(config, before ?? undefined, peers.worldSize);
    workshop = await openWorkshop(own, options);
    const { dataset, model, stepsPerEpoch } = workshop;
    const fingerprint = await fingerprintOf(dataset);
    await mustAgree(peers, factsOfData(fingerprint));
    const folder = RunFolder.at(
      await fromFirst(peers, async () => {
        const made = root === null ? await RunFolder.create(config, options.launch?.id) : RunFolder.at(root);
        lock ??= await made.lock(say, options.signal);
        await made.keepDataset(fingerprint, dataset.classNames);
        await made.keepClassNames(dataset.classNames);
        journal = (await import('./journal')).Journal.open(made);
        return made.root;
      }),
    );
    await together(peers, async () => {
      await folder.savedConfig(); // every rank must see what the first one wrote
      return null;
    });
    const state = checkpoint
      ? await restore(model, checkpoint, {
          device: model.backbone.options.device,
          seed: own.seed,
          samplesPerClass: dataset.samplesPerClass,
        })
      : initialRunState();
    const { batchSize, accumulate } = own.train;
    state.batches ??= { size: batchSize, perStep: accumulate * peers.worldSize };
    const saved = checkpoint === null ? undefined : { step: state.step, folder: checkpoint };
    await journal?.goOn({
      step: state.step,
      verified: !state.verificationDue,
      tensorboard: own.train.tensorboard,
      say,
    });
    const session: Session = {
      ...workshop,
      config: own,
      group,
      folder,
      lock,
      journal,
      state,
      margins: await marginStatistics(model.head),
      firstStep: state.step,
      saves: new Saves(group?.channel('checkpoints')),
      saved,
      good: saved,
      isSound: true,
      isStepUndone: false,
      randomBefore: undefined,
      failed: undefined,
      recentLosses: [],
    };
    if (isFirst)
      options.onPlan?.({
        folder: folder.root,
        root: workshop.root,
        images: dataset.length,
        classes: dataset.numClasses,
        epochs: own.train.epochs,
        totalSteps: own.train.epochs * stepsPerEpoch,
        firstStep: state.step,
        resumedFrom: checkpoint ?? undefined,
      });
    return session;
  } catch (error) {
    journal?.close();
    if (workshop) await closeWorkshop(workshop);
    lock?.release();
    throw error;
  }
}

function factsOfData({ samples, classes, imageSize, sources }: Fingerprint): Record<string, string> {
  const digests = sources.map(({ digest, weight }) => `${digest} (weight ${weight})`);
  return {
    'data: images': String(samples),
    'data: classes': String(classes),
    'data: size of the images': imageSize.join(' x '),
    ...Object.fromEntries(digests.map((digest, s) => [`data: SHA-256 of source ${s}`, digest])),
  };
}

/** Closes what {@link openSession} opened. */
export async function closeSession(session: Session): Promise<void> {
  await forget(session.randomBefore);
  // Whoever waited for the last one has heard of an error.
  await session.saves.settled().catch(() => undefined);
  await closeWorkshop(session);
  session.journal?.close();
  session.lock?.release();
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
