import { linkToLauncher, type LauncherLink } from '../distributed/launcher/worker-link';
import { ProcessGroup } from '../distributed/process-group';
import { workerEnvironment } from '../distributed/worker-environment';
import { readWorkerVariables } from '../env';
import { isError, KappaError } from '../errors';
import type { TrainerOptions } from '../train/events';

/** A process as one of the ranks of a run, or alone. */
export interface JoinedRanks {
  /** What a trainer has to know of it. */
  readonly options: Pick<TrainerOptions, 'group' | 'launch'>;
  /** Whether this rank shows how it goes. */
  readonly isFirst: boolean;
  readonly link: LauncherLink;
  /** Leaves the others in order, when all is done. */
  leave(): Promise<void>;
}

/**
 * Joins the run that this process was started for, by kappa launch, torchrun, Slurm, Kubernetes or MPI, as its environment
 * tells.
 *
 * @param device `runtime.device` of the config: `cuda` is the GPU of the rank's number on its machine
 * @param timeout seconds that another rank is waited for
 * @throws KappaError `ERR_CONFIG`, `ERR_DEVICE`, `ERR_PEER`, `ERR_TIMEOUT`
 */
export async function joinRanks(device: string, timeout: number): Promise<JoinedRanks> {
  const environment = workerEnvironment(readWorkerVariables());
  // Whatever it is at, and waits for: nobody is left who would end it.
  const link = linkToLauncher(environment, { onLost: () => process.kill(process.pid, 'SIGKILL') });
  const isAlone = environment === undefined || environment.worldSize === 1;
  const group = isAlone
    ? undefined
    : await telling(link, ProcessGroup.join(environment, { timeout, device }));
  const launch =
    environment?.launchId === undefined
      ? undefined
      : { id: environment.launchId, again: environment.round > 0 };
  return {
    options: { group, launch },
    isFirst: (group?.rank ?? 0) === 0,
    link,
    leave: async () => {
      await group?.leave();
      link.close();
    },
  };
}

/** Waits for work; where it fails the launcher hears why before this process ends. */
export async function telling<T>(link: LauncherLink, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = error instanceof KappaError ? error.code : undefined;
    await link.reportFailure({ code, message: isError(error) ? error.message : String(error) });
    throw error;
  }
}
