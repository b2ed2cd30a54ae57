import type { Command } from 'commander';
import { exitCodes } from './exit-codes';
import { collect, configHelp, JSON_DOC, SET_DOC, type Action } from './flags';
import { interruptible } from './interruption';
import { printJson } from './output';

export interface TrainCommandOptions {
  /** Overrides of the config, `path.to.field=value`. */
  set: string[];
  /** Continue from the last checkpoint (true) or from a given one. */
  resume?: string | boolean;
  /** Folder that holds the runs. */
  output?: string;
  /** Try everything and write nothing. */
  dryRun?: boolean;
  json?: boolean;
  /** Fetch LibTorch without asking, where it is missing. */
  yes?: boolean;
}

/** Adds `kappa train`. */
export function addTrain(program: Command, action: Action): void {
  program
    .command('train')
    .description(
      'train a face recognition model (KappaFace, ArcFace, CosFace) as a config says; Ctrl-C writes a checkpoint and leaves',
    )
    .usage('<config> [options]')
    // In `train --resume my.yaml` the file would be taken for the checkpoint.
    .showHelpAfterError(
      'Usage: kappa train <config> [options]. The config comes first, also before --resume.',
    )
    .argument('<config>', 'config file, like configs/base or my.yaml; see kappa config print')
    .option('--set <path=value>', SET_DOC, collect, [])
    .option('--resume [checkpoint]', "go on from a checkpoint's folder, or from the run's last one")
    .option('--output <folder>', 'folder that holds the runs (output of the config)')
    .option(
      '--dry-run',
      'check config, data, verification sets, disk and memory, do one step, and write nothing',
    )
    .option('-y, --yes', 'fetch LibTorch without asking, where it is missing')
    .option('--json', `print the result: ${JSON_DOC}`)
    .addHelpText('after', configHelp)
    .action(action(trainCommand));
}

/** `kappa train`: trains a config and shows how it goes. Resolves to the exit code. */
async function trainCommand(configPath: string, options: TrainCommandOptions): Promise<number> {
  const { loadConfig } = await import('../config');
  const { joinRanks, telling } = await import('./join-ranks');
  const { Trainer } = await import('../train/trainer');
  const { TrainView } = await import('./train-view');

  const overrides =
    options.output === undefined ? options.set : [...options.set, `output=${JSON.stringify(options.output)}`];
  const config = await loadConfig(configPath, overrides);
  const { ensureLibtorch } = await import('./first-use');
  const left = await ensureLibtorch(options);
  if (left !== undefined) return left;
  const view = new TrainView();
  const say = (text: string): void => view.message(text);
  const ending = options.dryRun ? 'stopping' : 'writing a checkpoint after this step';
  const run = await interruptible({ say, ending }, async (interruption) => {
    const {
      options: ranks,
      isFirst,
      link,
      leave,
    } = await joinRanks(config.runtime.device, config.distributed.timeout);
    const trainer = new Trainer(config, {
      ...ranks,
      resume: options.resume,
      signal: interruption.signal,
      onPlan: (plan) => view.begin(plan),
      onStep: (report) => {
        view.update(report);
        link.reportProgress(report.step);
      },
      onValidation: (result, isBest) => view.validation(result, isBest),
      onMessage: say,
    });
    if (options.dryRun) {
      const report = await trainer.dryRun();
      if (options.json) printJson(report);
      else view.dryRun(report);
      return interruption.exitCode;
    }
    const result = await telling(link, trainer.run());
    await leave();
    if (isFirst) view.end(result);
    if (isFirst && options.json) printJson(result);
    return result.interrupted ? interruption.exitCode : exitCodes.ok;
  }).finally(() => view.stop());
  return 'exitCode' in run ? run.exitCode : run.result;
}
