import type { ResolvedConfig } from '../config/schema';
import { KappaError } from '../errors';
import { saveCheckpoint } from './save';
import type { Session } from './session';

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
  const advice = [...(await outcome(session, config, error)), ...remedies(config, error)];
  if (advice.length === 0) return error;
  if (error instanceof KappaError)
    return new KappaError(error.code, [error.message, ...advice].join('\n'), { cause: error });
  for (const line of advice) say(line);
  return error;
}

/** Saves what can be saved and tells where to go on. */
async function outcome(session: Session, config: ResolvedConfig, error: unknown): Promise<string[]> {
  const { state, saved } = session;
  // With these weights step after step failed: they are kept to be looked at, and one does not go on from them.
  const isBlownUp = error instanceof KappaError && error.code === 'ERR_NOT_FINITE';
  const last = saved
    ? `The last good checkpoint is ${saved.folder} (step ${saved.step}): go on from there with --resume.`
    : 'There is none before it: start anew.';
  if (saved?.step === state.step)
    return [`The checkpoint ${saved.folder} holds step ${state.step}: go on from there with --resume.`];
  if (state.step === session.firstStep) return [];
  if (!session.isSound)
    return [
      `The error came in the middle of an update: no checkpoint of step ${state.step} was written.`,
      last,
    ];
  try {
    const folder = await saveNow(session, config, !isBlownUp || saved === undefined);
    const written = `A checkpoint of step ${state.step} was written: ${folder}.`;
    return isBlownUp && saved ? [written, last] : [`${written} Go on from there with --resume.`];
  } catch (failure) {
    const isTold = failure === error || (failure as KappaError).code === 'ERR_NOT_FINITE';
    const why = isTold ? '' : ` (${(failure as Error).message})`;
    return [`No checkpoint of step ${state.step} could be written${why}.`, last];
  }
}

async function saveNow(session: Session, config: ResolvedConfig, last: boolean): Promise<string> {
  const { state, metrics } = session;
  try {
    metrics.sync();
  } catch {
    // Its lines are in the file; that they are on the disk is not worth the checkpoint.
  }
  // Whoever goes on after steps that were left out has changed something: counting begins anew.
  state.skippedInARow = 0;
  // In a step that was undone numbers were drawn already.
  const random = session.isStepUndone ? await session.randomBefore : undefined;
  return saveCheckpoint(session, config, { random, last });
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
