import { Command, CommanderError } from 'commander';
import { addBuild } from './build';
import { addCompare } from './compare';
import { addConfigPrint } from './config/print';
import { addConfigSchema } from './config/schema';
import { addAlign } from './data/align';
import { addCheck } from './data/check';
import { addInspect } from './data/inspect';
import { addPack } from './data/pack';
import { addPairs } from './data/pairs';
import { addSplit } from './data/split';
import { addSynth } from './data/synth';
import { addUnpack } from './data/unpack';
import { addDoctor } from './doctor';
import { addDiff } from './eval/diff';
import { addEmbed } from './embed';
import { addInputDoctor } from './eval/doctor';
import { addGroups } from './eval/groups';
import { addIjb } from './eval/ijb';
import { addLfw } from './eval/lfw';
import { addMegaface } from './eval/megaface';
import { addVerification } from './eval/verification';
import { addYtf } from './eval/ytf';
import type { Action } from './flags';
import { addLaunch } from './launch';
import { addLibtorchInstall } from './libtorch/install';
import { addLibtorchPath } from './libtorch/path';
import { addReport } from './report';
import { addTrain } from './train';

/** Code of the error by which the parser stops where versions are asked for. */
export const VERSION_ASKED = 'kappa.version';

/**
 * Builds the command line. What a command runs is loaded when it runs, so that help and usage errors come at once and
 * need no LibTorch.
 *
 * @param onExitCode receives the exit code of the handler that ran
 */
export function createProgram(onExitCode: (code: number) => void): Command {
  const program = new Command('kappa')
    .description('Deep face recognition: train and evaluate KappaFace, ArcFace and CosFace on LibTorch.')
    .option(
      '-V, --version',
      'print the versions of kappaface, its addon, LibTorch, CUDA and Node.js; with --json as one value',
    )
    .on('option:version', () => {
      throw new CommanderError(0, VERSION_ASKED, 'the versions are asked for');
    })
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('Run the command with --help to see how it is used.')
    // What follows the config of kappa launch belongs to kappa train.
    .enablePositionalOptions()
    .exitOverride();

  const action: Action =
    (handler) =>
    async (...args) =>
      onExitCode(await handler(...args));

  addTrain(program, action);
  addLaunch(program, action);

  const evaluate = program
    .command('eval')
    .description('evaluate a trained model on face recognition benchmarks (LFW, CFP-FP, AgeDB-30, ...)');
  addVerification(evaluate, action);
  addLfw(evaluate, action);
  addYtf(evaluate, action);
  addGroups(evaluate, action);
  addInputDoctor(evaluate, action);
  addIjb(evaluate, action);
  addMegaface(evaluate, action);
  addDiff(evaluate, action);
  addEmbed(program, action);
  addCompare(program, action);

  addReport(program, action);

  const config = program.command('config').description('look at configs');
  addConfigPrint(config, action);
  addConfigSchema(config, action);

  const data = program
    .command('data')
    .description(
      'prepare face datasets: inspect, pack (RecordIO, train.rec), align, check, split, make pairs',
    );
  addInspect(data, action);
  addPack(data, action);
  addUnpack(data, action);
  addCheck(data, action);
  addSplit(data, action);
  addPairs(data, action);
  addAlign(data, action);
  addSynth(data, action);

  const libtorch = program.command('libtorch').description('find or download LibTorch');
  addLibtorchInstall(libtorch, action);
  addLibtorchPath(libtorch, action);

  addBuild(program, action);
  addDoctor(program, action);
  return program;
}
