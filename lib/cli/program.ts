import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Command } from 'commander';
import { collect, jsonDoc, wholeNumber, type Action } from './flags';
import { addDataCommands } from './data';
import type * as trainModule from './train';
import type * as evalVerificationModule from './eval/verification';
import type * as configPrintModule from './config/print';
import type * as libtorchModule from './libtorch';
import type * as doctorModule from './doctor';

/** The modules of the commands' handlers. */
interface Handlers {
  './train': typeof trainModule;
  './eval/verification': typeof evalVerificationModule;
  './config/print': typeof configPrintModule;
  './libtorch': typeof libtorchModule;
  './doctor': typeof doctorModule;
}

/** Loads a command's module when the command runs. */
const load = createRequire(__filename) as <Name extends keyof Handlers>(name: Name) => Handlers[Name];

interface TrainFlags {
  set: string[];
  resume?: string | true;
  output?: string;
  json?: boolean;
}

interface VerificationFlags {
  data: string[];
  batchSize?: number;
  device?: string;
  json?: boolean;
}

const setDoc = 'override an option of the config, like train.epochs=10 (repeatable)';

/**
 * Builds the command line. Handlers are loaded when their command runs, so that help and usage errors come at once
 * and need no LibTorch.
 *
 * @param onExitCode receives the exit code of the handler that ran
 */
export function createProgram(onExitCode: (code: number) => void): Command {
  const program = new Command('kappa')
    .description('Deep face recognition: train and evaluate KappaFace, ArcFace and CosFace on LibTorch.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('Run the command with --help to see how it is used.')
    .exitOverride();

  const action: Action =
    (handler) =>
    async (...args) => {
      const code = await handler(...args);
      if (typeof code === 'number') onExitCode(code);
    };

  program
    .command('train')
    .description('train a model as a config says; Ctrl-C writes a checkpoint and leaves')
    .usage('<config> [options]')
    // In `train --resume my.yaml` the file would be taken for the checkpoint.
    .showHelpAfterError(
      'Usage: kappa train <config> [options]. The config comes first, also before --resume.',
    )
    .argument('<config>', 'config file, like configs/base or my.yaml; see kappa config print')
    .option('--set <path=value>', setDoc, collect, [])
    .option('--resume [checkpoint]', "go on from a checkpoint's folder, or from the run's last one")
    .option('--output <folder>', 'folder that holds the runs (output of the config)')
    .option('--json', `print the result: ${jsonDoc}`)
    .action(action((config: string, flags: TrainFlags) => load('./train').trainCommand(config, flags)));

  const evaluate = program.command('eval').description('evaluate a checkpoint on a benchmark');
  evaluate
    .command('verification')
    .description('1:1 verification on .bin files such as lfw.bin, cfp_fp.bin, agedb_30.bin')
    .argument('<checkpoint>', "a checkpoint's folder, like runs/base/checkpoints/best")
    .requiredOption('--data <file...>', 'verification sets')
    .option('--batch-size <images>', 'images in one forward pass', wholeNumber)
    .option('--device <device>', 'cpu, cuda or cuda:N; by default where the model was trained')
    .option('--json', jsonDoc)
    .action(
      action((checkpoint: string, flags: VerificationFlags) =>
        load('./eval/verification').evalVerificationCommand(checkpoint, flags),
      ),
    );

  const config = program.command('config').description('look at configs');
  config
    .command('print')
    .description('print a config with every default filled in and every option explained, as YAML')
    .argument('<config>', 'config file, like configs/base')
    .option('--set <path=value>', setDoc, collect, [])
    .option('--json', jsonDoc)
    .action(
      action((path: string, flags: { set: string[]; json?: boolean }) =>
        load('./config/print').configPrintCommand(path, flags),
      ),
    );

  addDataCommands(program, action);

  const libtorch = program.command('libtorch').description('find or fetch LibTorch');
  libtorch
    .command('install')
    .description('find or fetch LibTorch, and build the native addon where that is needed')
    .option('--no-build', 'leave the addon alone')
    .option('--json', jsonDoc)
    .action(
      action((flags: { json?: boolean; build: boolean }) =>
        load('./libtorch').libtorchInstallCommand({
          json: flags.json,
          // Without --no-build the environment decides.
          build: flags.build ? undefined : false,
        }),
      ),
    );
  libtorch
    .command('path')
    .description('print the folder of the LibTorch in use; fetches nothing')
    .option('--json', jsonDoc)
    .action(action((flags: { json?: boolean }) => load('./libtorch').libtorchPathCommand(flags)));

  program
    .command('doctor')
    .description('say what is installed, what is missing and what to do')
    .option('--json', jsonDoc)
    .action(action((flags: { json?: boolean }) => load('./doctor').doctorCommand(flags)));

  return program;
}

/** The package's version; package.json is two folders above this file, in lib/ and in dist/ alike. */
function packageVersion(): string {
  const text = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
