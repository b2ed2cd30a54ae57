import type { ProcessGroup } from '../distributed/process-group';
import { runLongTask, type TaskHooks } from './long-task';

/** Seconds that another rank is waited for. */
const RANK_TIMEOUT = 600;

/** What work over ranks is given. */
export interface SharedHooks extends TaskHooks {
  /** The ranks that share the work; undefined alone. */
  group: ProcessGroup | undefined;
  /** Where this rank computes; undefined where the flags leave it to the checkpoint. */
  device: string | undefined;
}

/**
 * Runs a task as {@link runLongTask} does, alone or as one of the ranks that kappa launch, torchrun or the like started.
 * Rank 0 tells how it goes; the others keep silent.
 *
 * @param model the flag `--device`, and the checkpoint, which tells where the model was trained
 * @returns the result, and whether this is the rank that prints it; or the exit code after a signal
 */
export async function shareWork<Result>(
  title: string,
  model: { device?: string; target?: string },
  work: (hooks: SharedHooks) => Promise<Result>,
): Promise<{ result: Result; seconds: number; isFirst: boolean } | { exitCode: number }> {
  const { workerEnvironment } = await import('../distributed/worker-environment');
  const { readWorkerVariables } = await import('../env');
  const isAlone = (workerEnvironment(readWorkerVariables())?.worldSize ?? 1) === 1;
  let isFirst = true;
  const run = await runLongTask(title, async (hooks) => {
    const { joinRanks, telling } = await import('./join-ranks');
    const joined = await joinRanks(isAlone ? 'cpu' : await deviceOfRanks(model), RANK_TIMEOUT);
    const { group } = joined.options;
    isFirst = joined.isFirst;
    const silent = isFirst ? {} : { onProgress: () => undefined, onMessage: () => undefined };
    const device = group ? group.device : model.device;
    const result = await telling(joined.link, work({ ...hooks, ...silent, group, device }));
    await joined.leave();
    return result;
  });
  return 'exitCode' in run ? run : { ...run, isFirst };
}

/** Where ranks compute: as the flag says, else where the model was trained, or on the CPU where that is not available. */
async function deviceOfRanks({ device, target }: { device?: string; target?: string }): Promise<string> {
  if (device !== undefined || target === undefined) return device ?? 'cpu';
  const { resolveCheckpoint } = await import('../run/checkpoint');
  const { openCheckpoint } = await import('../run/checkpoint-reader');
  const { resolveSavedConfig } = await import('../config/saved');
  const { cuda } = await import('../runtime/cuda');
  const { state, folder } = await openCheckpoint<{ config: unknown }>(await resolveCheckpoint(target));
  const { runtime } = resolveSavedConfig(state.config, `of ${folder}`);
  return (await cuda.isAvailable()) ? runtime.device : 'cpu';
}
