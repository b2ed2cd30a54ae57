import type { ResolvedConfig } from '../config/schema';
import { resolveCheckpoint } from '../run/checkpoint';
import { RunFolder } from '../run/run-folder';
import type { TrainerOptions } from './events';

/** A run that goes on. */
export interface FoundRun {
  folder: RunFolder;
  /** Undefined where it has none yet. */
  checkpoint: string | undefined;
}

/**
 * Finds what `resume` means, before anything expensive begins.
 *
 * @returns undefined where a new run begins
 * @throws KappaError `ERR_CHECKPOINT`, `ERR_CONFIG` where the config would make another run of it
 */
export async function findRun(
  config: ResolvedConfig,
  { resume, onMessage }: TrainerOptions,
): Promise<FoundRun | undefined> {
  if (resume === undefined || resume === false) return undefined;
  if (typeof resume === 'string') {
    const checkpoint = await resolveCheckpoint(resume, 'last');
    const folder = RunFolder.ofCheckpoint(checkpoint);
    await folder.checkConfig(config);
    return { folder, checkpoint };
  }
  const folder = await RunFolder.newest(config);
  if (!folder) {
    onMessage?.(`There is no run of ${config.name} in ${config.output}: starting one.`);
    return undefined;
  }
  await folder.checkConfig(config);
  const checkpoint = (await folder.checkpoints.pointed('last')) ?? (await folder.checkpoints.newest());
  if (!checkpoint) onMessage?.(`${folder.root} has no checkpoint yet: starting over.`);
  return { folder, checkpoint };
}
