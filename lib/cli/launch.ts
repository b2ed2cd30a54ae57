import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { LaunchFlags } from '../distributed/launcher/settings';
import { KappaError } from '../errors';
import { exitCodes } from './exit-codes';
import type { Action } from './flags';
import { interruptible } from './interruption';
import { say } from './output';
import { printError } from './print-error';
import { addTrain, type TrainCommandOptions } from './train';
import { packageVersion } from './version';

/** Adds `kappa launch`. */
export function addLaunch(program: Command, action: Action): void {
  const command = program
    .command('launch')
    .description(
      'train, embed or evaluate in several processes, on one machine or many: starts kappa train (or kappa embed, kappa eval) once for each rank, with the flags of torchrun',
    )
    .usage('[options] <config> [options of kappa train]')
    .passThroughOptions()
    .argument('<config>', 'config file, like configs/base or my.yaml; or embed or eval, for that command')
    .argument('[train...]', 'options of kappa train, which come behind the config, like --set train.epochs=3')
    .option(
      '--nproc-per-node <number>',
      'processes on this machine: a number, cpu (one a processor), gpu (one a GPU), or auto (by runtime.device) (default: 1)',
    )
    .option('--nnodes <number>', 'machines of the run: a number, or a range like 1:4 (default: 1)')
    .option('--node-rank <number>', 'number of this machine, from 0')
    .option('--master-addr <host>', 'address of the machine with node rank 0')
    .option('--master-port <port>', 'port there (default: 29500; on one machine one that is free)')
    .option('--standalone', 'one machine, whatever the environment says, at ports that are free')
    .option(
      '--rdzv-endpoint <host:port>',
      'where all machines meet instead: whoever is at that address serves, ranks are given out (default port: 29400)',
    )
    .option('--rdzv-id <name>', 'name of the run, the same on all machines (default: none)')
    .option('--max-restarts <number>', 'how often all are started anew after a failure (default: 0)')
    .option(
      '--local-addr <host>',
      'address of this machine for the others, where they cannot use the one they see',
    )
    .option(
      '--log-dir <folder>',
      'write the output of each process to attempt_K/RANK/stdout.log and stderr.log',
    )
    .option(
      '--tee <streams>',
      'what the terminal shows: 0 nothing, 1 stdout, 2 stderr, 3 both, or by local rank like 0:3,1:1 (default: 3)',
    )
    .addOption(new Option('--rdzv-backend <name>', 'c10d or static, as torchrun has it').hideHelp())
    .action(action(launchCommand));
  takeUnderscores(command);
}

/** torchrun takes `--nproc_per_node` for `--nproc-per-node`, and so on. */
function takeUnderscores(command: Command): void {
  for (const option of [...command.options]) {
    const name = option.long?.slice(2) ?? '';
    if (!name.includes('-')) continue;
    const spelling = name.replaceAll('-', '_');
    command.addOption(new Option(option.flags.replace(name, spelling)).hideHelp());
    command.on(`option:${spelling}`, (value: string) =>
      command.setOptionValueWithSource(option.attributeName(), value, 'cli'),
    );
  }
}

/** Commands that are started in place of `kappa train`; a config of that name is `./embed`. */
const OTHER_COMMANDS: readonly string[] = ['embed', 'eval'];
/** What ranks share of `kappa eval`. */
const SHARED_EVALUATIONS: readonly string[] = ['verification', 'lfw', 'ytf', 'ijb', 'megaface', 'groups'];

/** `kappa launch`: runs `kappa train`, or another command, in several processes. Resolves to the exit code. */
async function launchCommand(config: string, train: readonly string[], flags: LaunchFlags): Promise<number> {
  const { childVariables, readEnvironment, readLauncherVariables, visibleGpus } = await import('../env');
  const { launchSettings } = await import('../distributed/launcher/settings');
  const { countProcesses } = await import('../distributed/launcher/count-processes');
  const { Launcher } = await import('../distributed/launcher/launcher');
  const { usableProcessors } = await import('../processors');
  // What would fail in every process is told once, before any is started.
  const settings = launchSettings(flags, readLauncherVariables());
  const isOther = OTHER_COMMANDS.includes(config);
  if (config === 'eval' && !SHARED_EVALUATIONS.includes(train[0] ?? ''))
    throw new KappaError(
      'ERR_USAGE',
      `kappa eval ${train[0] ?? ''} runs in one process; kappa launch shares out kappa eval ${SHARED_EVALUATIONS.join(', ')}, kappa embed and kappa train.`,
    );
  const device = isOther ? deviceFlag(train) : await deviceOfConfig(config, train);
  const processes = await countProcesses(settings.processes, { device, visibleGpus: visibleGpus() });
  const threads = readEnvironment().threads ?? Math.max(1, Math.floor(usableProcessors() / processes));
  const launcher = new Launcher({
    ...settings,
    processes,
    command: [process.execPath, kappaProgram(), ...(isOther ? [] : ['train']), config, ...train],
    env: childVariables({ KAPPA_THREADS: String(threads) }),
    version: packageVersion(),
    stdout: process.stdout,
    stderr: process.stderr,
    onMessage: say,
  });
  // However this process ends, its workers go first; where it is killed, they notice by themselves.
  const kill = (): void => launcher.kill();
  process.once('exit', kill);
  try {
    const ending = isOther ? 'all processes end' : 'all processes write a checkpoint and end';
    const run = await interruptible({ say, ending, onLeave: kill }, async (interruption) => {
      interruption.signal.addEventListener('abort', () => launcher.interrupt(interruption.name ?? 'SIGTERM'));
      return launcher.run();
    });
    if ('exitCode' in run) return run.exitCode;
    return run.result.outcome === 'done' ? exitCodes.ok : exitCodes[run.result.signal];
  } catch (error) {
    printError(error);
    return exitCodes.failed;
  } finally {
    process.off('exit', kill);
  }
}

/** `--device` among arguments that another command reads. */
function deviceFlag(args: readonly string[]): string {
  const at = args.findIndex((arg) => /^--device(=|$)/.test(arg));
  return at === -1 ? 'cpu' : (args[at]!.split('=')[1] ?? args[at + 1] ?? 'cpu');
}

/** `runtime.device` of a config with the overrides among the arguments of `kappa train`. */
async function deviceOfConfig(config: string, train: readonly string[]): Promise<string> {
  const { loadConfig } = await import('../config');
  const { runtime } = await loadConfig(config, await trainOverrides([config, ...train]));
  return runtime.device;
}

/** The program that a worker runs: the `kappa` of this package. */
function kappaProgram(): string {
  return join(__dirname, '..', '..', 'bin', 'kappa.js');
}

/**
 * Reads the arguments of `kappa train`, so that what is wrong with them is told as that command tells it.
 *
 * @returns the overrides of the config among them
 */
async function trainOverrides(args: readonly string[]): Promise<string[]> {
  const parser = new Command('kappa').exitOverride();
  let overrides: string[] = [];
  addTrain(parser, (() =>
    (_config: string, { set }: TrainCommandOptions) => {
      overrides = set;
      return Promise.resolve();
    }) as unknown as Action);
  await parser.parseAsync(['train', ...args], { from: 'user' });
  return overrides;
}
