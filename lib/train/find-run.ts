import type { ResolvedConfig } from '../config/schema';
import { resolveCheckpoint } from '../run/checkpoint';
import { RunFolder } from '../run/run-folder';
import type { TrainerOptions } from './events';
import { decidePrecision, sayPrecision } from './precision';

/** A run that goes on. */
export interface FoundRun {
  folder: RunFolder;
  /** Undefined where it has none yet. */
  checkpoint: string | undefined;
}

/** What is trained, and where. */
export interface Undertaking {
  /** As given, with what was left to the machine decided: now, or when the run began. */
  config: ResolvedConfig;
  /** Undefined where a new run begins. */
  found: FoundRun | undefined;
}

/**
 * Finds what `resume` means, before anything expensive begins, and decides what the config leaves to the machine.
 *
 * @throws KappaError `ERR_CHECKPOINT`, `ERR_CONFIG` where the config would make another run of it, `ERR_DEVICE`
 */
export async function findRun(given: ResolvedConfig, options: TrainerOptions): Promise<Undertaking> {
  const run = await soughtRun(given, options);
  const config = decidePrecision(given, await run?.folder.savedConfig());
  sayPrecision(given, config, (text) => options.onMessage?.(text));
  if (run === undefined) return { config, found: undefined };
  const { folder } = run;
  await folder.checkConfig(config);
  if (run.checkpoint !== undefined) return { config, found: { folder, checkpoint: run.checkpoint } };
  const checkpoint = (await folder.checkpoints.pointed('last')) ?? (await folder.checkpoints.newest());
  if (!checkpoint) options.onMessage?.(`${folder.root} has no checkpoint yet: starting over.`);
  return { config, found: { folder, checkpoint } };
}

/** The run that `resume` names, with the checkpoint where it names one. */
async function soughtRun(
  config: ResolvedConfig,
  { resume, launch, onMessage }: TrainerOptions,
): Promise<FoundRun | undefined> {
  if (launch?.again) {
    const folder = await RunFolder.ofLaunch(config, launch.id);
    if (folder) return { folder, checkpoint: undefined };
  }
  if (resume === undefined || resume === false) return undefined;
  if (typeof resume === 'string') {
    const checkpoint = await resolveCheckpoint(resume, 'last');
    return { folder: RunFolder.ofCheckpoint(checkpoint), checkpoint };
  }
  const folder = await RunFolder.newest(config);
  if (folder) return { folder, checkpoint: undefined };
  onMessage?.(`There is no run of ${config.name} in ${config.output}: starting one.`);
  return undefined;
}
