import { KappaError } from '../../errors';
import type { LauncherVariables } from '../../distributed-variables';
import type { Meeting } from './plan';
import type { Shown } from './output';

/** The flags of `kappa launch`, as they were written; those of torchrun. */
export interface LaunchFlags {
  nprocPerNode?: string;
  nnodes?: string;
  nodeRank?: string;
  masterAddr?: string;
  masterPort?: string;
  standalone?: boolean;
  rdzvEndpoint?: string;
  rdzvBackend?: string;
  rdzvId?: string;
  maxRestarts?: string;
  localAddr?: string;
  logDir?: string;
  tee?: string;
}

/** What the flags say. */
export interface LaunchSettings {
  /** Workers on this machine: a number, one for each processor or GPU, or what the config's device suggests. */
  readonly processes: number | 'auto' | 'cpu' | 'gpu';
  readonly nodes: { readonly min: number; readonly max: number };
  readonly meeting: Meeting;
  readonly runId: string;
  readonly maxRestarts: number;
  readonly localAddress?: string;
  readonly logFolder?: string;
  readonly shows: (localRank: number) => Shown;
}

/** torchrun's ports: of the master, and of a rendezvous. */
const MASTER_PORT = 29500;
const RENDEZVOUS_PORT = 29400;
const MAX_PROCESSES = 4096;

type Flag = Exclude<keyof LaunchFlags, 'standalone'>;

/** The variable that stands for a flag where it is not given. */
const variableOf: Partial<Record<Flag, keyof LauncherVariables>> = {
  nprocPerNode: 'PET_NPROC_PER_NODE',
  nnodes: 'PET_NNODES',
  nodeRank: 'PET_NODE_RANK',
  masterAddr: 'PET_MASTER_ADDR',
  masterPort: 'PET_MASTER_PORT',
  rdzvEndpoint: 'PET_RDZV_ENDPOINT',
  rdzvId: 'PET_RDZV_ID',
  maxRestarts: 'PET_MAX_RESTARTS',
};

/** A value with what to call it in an error. */
class Given {
  readonly text: string;
  readonly name: string;
  readonly #isVariable: boolean;

  constructor(flag: Flag, text: string, variable?: keyof LauncherVariables) {
    this.text = text.trim();
    this.name = variable ?? `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    this.#isVariable = variable !== undefined;
  }

  wrong(expected: string): KappaError {
    const what = this.#isVariable ? `the environment variable ${this.name}` : this.name;
    return new KappaError(
      this.#isVariable ? 'ERR_CONFIG' : 'ERR_USAGE',
      `Expected ${expected} for ${what} but received ${JSON.stringify(this.text)}.`,
    );
  }

  number(least: number, most: number, expected: string): number {
    const value = Number(this.text);
    if (!/^\d+$/.test(this.text) || value < least || value > most) throw this.wrong(expected);
    return value;
  }

  host(): string {
    const host = this.text.replace(/^\[(.*)\]$/, '$1');
    if (!/^[A-Za-z0-9._:%-]+$/.test(host)) throw this.wrong('a host name or an address');
    return host;
  }
}

/**
 * Reads the flags of `kappa launch`, and the variables that stand for those that are not given.
 *
 * @throws KappaError ERR_USAGE for a flag, ERR_CONFIG for a variable, that is wrong or contradicts another
 */
export function launchSettings(flags: LaunchFlags, variables: LauncherVariables = {}): LaunchSettings {
  const given = (flag: Flag): Given | undefined => {
    const [text, variable] = [flags[flag], variableOf[flag]];
    if (text !== undefined) return new Given(flag, text);
    const value = variable && variables[variable];
    return value === undefined ? undefined : new Given(flag, value, variable);
  };
  const nodes = flags.standalone ? { min: 1, max: 1 } : nodesOf(given('nnodes'));
  const meeting = meetingOf(given, nodes, flags.standalone === true);
  const localAddress = given('localAddr')?.host();
  return {
    processes: processesOf(given('nprocPerNode')),
    nodes,
    meeting,
    runId: given('rdzvId')?.text || 'none',
    maxRestarts: given('maxRestarts')?.number(0, 1e6, 'a whole number of at least 0') ?? 0,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(flags.logDir === undefined ? {} : { logFolder: flags.logDir }),
    shows: teeOf(given('tee')),
  };
}

function processesOf(given: Given | undefined): LaunchSettings['processes'] {
  if (given === undefined) return 1;
  const { text } = given;
  if (text === 'auto' || text === 'cpu' || text === 'gpu') return text;
  return given.number(1, MAX_PROCESSES, `a number from 1 to ${MAX_PROCESSES}, auto, cpu or gpu`);
}

function nodesOf(given: Given | undefined): { min: number; max: number } {
  if (given === undefined) return { min: 1, max: 1 };
  const [, first = '', last = first] = /^(\d+)(?::(\d+))?$/.exec(given.text) ?? [];
  const [min, max] = [Number(first), Number(last)];
  if (min < 1 || max < min || max > 10_000)
    throw given.wrong('a number of nodes like 2, or a range like 1:4');
  return { min, max };
}

function meetingOf(
  given: (flag: Flag) => Given | undefined,
  nodes: { min: number; max: number },
  isStandalone: boolean,
): Meeting {
  const backend = given('rdzvBackend');
  if (backend !== undefined && !['c10d', 'static'].includes(backend.text))
    throw backend.wrong('c10d or static');
  const rank = given('nodeRank');
  const nodeRank = rank?.number(0, 1e6, 'a whole number of at least 0');
  const port = given('masterPort')?.number(1, 65535, 'a port from 1 to 65535');
  const address = given('masterAddr')?.host();
  const endpoint = given('rdzvEndpoint');
  const isAlone = isStandalone || (nodes.max === 1 && endpoint === undefined);
  if (isAlone) {
    if (!isStandalone && nodeRank !== undefined && nodeRank > 0)
      throw rank!.wrong('0, as there is one node (--nnodes)');
    const own = isStandalone ? {} : { masterAddress: address, masterPort: port };
    return { kind: 'alone', ...own };
  }
  const isRange = nodes.min < nodes.max;
  if (isRange && (endpoint === undefined || backend?.text === 'static'))
    throw usage('A range of nodes needs --rdzv-endpoint HOST:PORT, where all meet and get their ranks.');
  if (isRange && nodeRank !== undefined)
    throw usage(`Leave out ${rank!.name}: with a range of nodes, who comes when decides the ranks.`);
  if (nodeRank !== undefined && nodeRank >= nodes.max)
    throw rank!.wrong(`a whole number from 0 to ${nodes.max - 1}, as there are ${nodes.max} nodes`);
  const place = endpoint ? endpointOf(endpoint, RENDEZVOUS_PORT) : undefined;
  if (place && nodeRank === undefined && backend?.text !== 'static') return { kind: 'elastic', ...place };
  if (nodeRank === undefined || (place === undefined && address === undefined))
    throw usage(
      'Several nodes need --node-rank and --master-addr (the address of node rank 0), or --rdzv-endpoint HOST:PORT.',
    );
  return { kind: 'static', nodeRank, ...(place ?? { host: address!, port: port ?? MASTER_PORT }) };
}

function endpointOf(given: Given, defaultPort: number): { host: string; port: number } {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(given.text);
  const port = Number(match?.[2] ?? defaultPort);
  const host = (match?.[1] ?? '').replace(/^\[(.*)\]$/, '$1');
  if (!/^[A-Za-z0-9._:%-]+$/.test(host) || port < 1 || port > 65535)
    throw given.wrong('HOST:PORT, like node0:29400 or [fd00::1]:29400,');
  return { host, port };
}

/** `3` for all workers, or `0:3,1:1` by local rank: 1 shows stdout, 2 stderr, 3 both, 0 neither. */
function teeOf(given: Given | undefined): (localRank: number) => Shown {
  const shown = (bits: number): Shown => ({ stdout: (bits & 1) !== 0, stderr: (bits & 2) !== 0 });
  if (given === undefined || /^[0-3]$/.test(given.text)) {
    const all = shown(Number(given?.text ?? 3));
    return () => all;
  }
  const byRank = new Map<number, Shown>();
  for (const part of given.text.split(',')) {
    const match = /^(\d+):([0-3])$/.exec(part.trim());
    if (match === null)
      throw given.wrong(
        '0 (nothing), 1 (stdout), 2 (stderr), 3 (both), or local ranks with one each like 0:3,1:1',
      );
    byRank.set(Number(match[1]), shown(Number(match[2])));
  }
  return (localRank) => byRank.get(localRank) ?? shown(0);
}

function usage(message: string): KappaError {
  return new KappaError('ERR_USAGE', message);
}
