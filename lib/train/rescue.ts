import type { ResolvedConfig } from '../config/schema';
import { KappaError, messageOf } from '../errors';
import { peersOf } from './ranks';
import { saveCheckpoint } from './save';
import type { SavedStep, Session } from './session';

/**
 * What is done for a run that an error ends: a checkpoint of where it stands, as far as that is sound, and words on how
 * to go on.
 *
 * @param say told what an error that is not ours cannot say itself
 * @returns the error to end with
 */
export async function rescue(
  session: Session,
  config: ResolvedConfig,
  error: unknown,
  say: (text: string) => void,
): Promise<unknown> {
  // What is on its way may still arrive, or has to be told of as well.
  await session.saves.settled().catch((failure: unknown) => {
    if (failure !== error) say(messageOf(failure));
  });
  const isNotFinite = error instanceof KappaError && error.code === 'ERR_NOT_FINITE';
  const advice = [
    ...(isNotFinite ? await explain(session, config) : []),
    ...(await outcome(session, config, error)),
    ...remedies(config, error),
  ];
  if (advice.length === 0) return error;
  if (error instanceof KappaError)
    return new KappaError(error.code, [error.message, ...advice].join('\n'), { cause: error });
  for (const line of advice) say(line);
  return error;
}

/** Why a step failed, as far as running it once more shows it. An error in that does not hide the first one. */
async function explain(session: Session, config: ResolvedConfig): Promise<string[]> {
  if (!session.failed) return [];
  try {
    const { diagnose } = await import('./diagnosis');
    const { diagnosisLines } = await import('./diagnosis-text');
    const found = await diagnose(session, config, session.failed);
    const { rank = 0 } = session.group ?? {};
    const name = rank === 0 ? 'not-finite.json' : `not-finite-rank-${rank}.json`;
    const isWritten = await session.folder.writeJson(name, found).then(
      () => true,
      () => false,
    );
    return diagnosisLines(found, config, isWritten ? session.folder.path(name) : undefined);
  } catch (error) {
    return [`What went wrong in it could not be found out: ${(error as Error).message}`];
  }
}

/** Saves what can be saved and tells where to go on. */
async function outcome(session: Session, config: ResolvedConfig, error: unknown): Promise<string[]> {
  const { state, saved, good } = session;
  const isNew = saved?.step !== state.step && state.step !== session.firstStep;
  if (error instanceof KappaError && error.code === 'ERR_NOT_FINITE') {
    // With these weights step after step failed: they are kept to be looked at, and one does not go on from them.
    const written = isNew ? [await saveNow(session, config, good === undefined)] : [];
    if (good && peersOf(session.group).rank === 0)
      await session.folder.checkpoints.point('last', good.folder).catch(() => undefined);
    return [...written, lastGood(good)];
  }
  if (saved && !isNew)
    return [`The checkpoint ${saved.folder} holds step ${state.step}: go on from there with --resume.`];
  if (!isNew) return [];
  // The other ranks are not there any more, or not where this one is.
  if (session.group) return [lastGood(good)];
  if (!session.isSound)
    return [
      `The error came in the middle of an update: no checkpoint of step ${state.step} was written.`,
      lastGood(good),
    ];
  const written = await saveNow(session, config, true, error);
  return session.saved?.step === state.step
    ? [`${written} Go on from there with --resume.`]
    : [written, lastGood(good)];
}

function lastGood(good: SavedStep | undefined): string {
  return good
    ? `The last good checkpoint is ${good.folder} (step ${good.step}): go on from there with --resume.`
    : 'There is no good checkpoint: start anew.';
}

/** Saves a checkpoint, if that can be. @returns what came of it */
async function saveNow(
  session: Session,
  config: ResolvedConfig,
  last: boolean,
  error?: unknown,
): Promise<string> {
  const { state, journal } = session;
  try {
    journal?.sync();
  } catch {
    // Its lines are in the file; that they are on the disk is not worth the checkpoint.
  }
  try {
    // In a step that was undone numbers were drawn already.
    const random = session.isStepUndone ? await session.randomBefore : undefined;
    await saveCheckpoint(session, config, { random, last });
    await session.saves.settled();
    return `A checkpoint of step ${state.step} was written: ${session.saved?.folder}.`;
  } catch (failure) {
    const { code, message } = failure as KappaError;
    const isSame = error instanceof Error && message === error.message;
    const why = code === 'ERR_NOT_FINITE' ? ': its weights are not finite' : isSame ? '' : ` (${message})`;
    return `No checkpoint of step ${state.step} was written${why}.`;
  }
}

function remedies({ data }: ResolvedConfig, error: unknown): string[] {
  if (!(error instanceof KappaError) || error.code !== 'ERR_DATA_CORRUPT' || data.onCorrupt === 'skip')
    return [];
  return [
    'Mend the image, or go on without it: with --set data.onCorrupt=skip (also with --resume) the next good image takes ' +
      'the place of each damaged one, and they are counted; a new run leaves out those that the file of data.skipList ' +
      'names (kappa data check FOLDER --list FILE writes it).',
  ];
}
