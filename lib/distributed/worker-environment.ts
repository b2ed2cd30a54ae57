import { KappaError } from '../errors';
import type { WorkerVariables } from '../distributed-variables';
import { parseHostList, parseTasksPerNode } from './host-list';

/** Who started this process as one of several. */
export type WorkerSource = 'launch' | 'torchrun' | 'kubernetes' | 'environment' | 'slurm' | 'openmpi' | 'mpi';

/** What a process knows of the run that it is a part of. */
export interface WorkerEnvironment {
  readonly rank: number;
  readonly worldSize: number;
  readonly localRank: number;
  readonly localWorldSize: number;
  /** Host and port at which rank 0 (or the launcher, see `storeIsHosted`) serves the store. */
  readonly masterAddress: string;
  readonly masterPort: number;
  readonly source: WorkerSource;
  /** How often all were started anew after a failure. */
  readonly restartCount: number;
  /** How often this launcher started the processes before: above 0, the run goes on from its last checkpoint. */
  readonly round: number;
  /** Name of the run at its launcher; empty where there is none. */
  readonly runId: string;
  /** Tells this launch from every other, in all of its rounds; only `kappa launch` has one. */
  readonly launchId?: string;
  /** Whether the launcher serves the store already (torchrun), so that rank 0 must not. */
  readonly storeIsHosted: boolean;
  /** This machine's address as the others reach it, where the launcher knows it. */
  readonly nodeAddress?: string;
}

type Name = keyof WorkerVariables;

const DEFAULT_PORT = 29500;

/**
 * What the environment tells this process of its part in a run over several.
 *
 * Looked at in this order: RANK and what goes with it (kappa launch, torchrun, PyTorchJob of Kubernetes), Open MPI,
 * Intel MPI and MPICH, Slurm under srun. Under mpirun within a job of Slurm its variables are those of mpirun's
 * daemons, which is why MPI comes first.
 *
 * @param variables by `readWorkerVariables` of lib/env.ts
 * @returns undefined where the process is alone: no launcher, a login shell, a batch script without srun, one task
 * @throws KappaError ERR_CONFIG where variables are missing, are no numbers, or contradict each other
 */
export function workerEnvironment(variables: WorkerVariables): WorkerEnvironment | undefined {
  if (variables.RANK !== undefined) return fromLauncher(variables);
  const found = fromOpenMpi(variables) ?? fromMpi(variables) ?? fromSlurm(variables);
  if (variables.WORLD_SIZE === undefined) return found;
  // Scripts export WORLD_SIZE beside srun or mpirun. It says nothing new, and must not say something else.
  if (found === undefined) {
    if (number(variables, 'WORLD_SIZE', 1) === 1) return undefined;
    throw missing('RANK', 'WORLD_SIZE', variables.WORLD_SIZE);
  }
  if (number(variables, 'WORLD_SIZE', 1) !== found.worldSize)
    throw wrong(variables, 'WORLD_SIZE', `${found.worldSize}, as ${found.source} has it,`);
  return found;
}

function fromLauncher(variables: WorkerVariables): WorkerEnvironment {
  if (variables.WORLD_SIZE === undefined) throw missing('WORLD_SIZE', 'RANK', variables.RANK);
  const worldSize = number(variables, 'WORLD_SIZE', 1);
  const rank = number(variables, 'RANK', 0, worldSize - 1);
  const hasLocal = variables.LOCAL_RANK !== undefined;
  if (!hasLocal && variables.LOCAL_WORLD_SIZE !== undefined && variables.LOCAL_WORLD_SIZE !== '1')
    throw missing('LOCAL_RANK', 'LOCAL_WORLD_SIZE', variables.LOCAL_WORLD_SIZE);
  // PyTorchJob gives one process to a pod and no local rank; other launchers may leave out the local world size.
  const sole = hasLocal ? worldSize : 1;
  const localWorldSize =
    variables.LOCAL_WORLD_SIZE === undefined ? sole : number(variables, 'LOCAL_WORLD_SIZE', 1, worldSize);
  const localRank = hasLocal ? number(variables, 'LOCAL_RANK', 0, localWorldSize - 1) : 0;
  if (localRank > rank) throw wrong(variables, 'LOCAL_RANK', `at most RANK, which is ${rank}`);
  return complete(variables, sourceOf(variables), { rank, worldSize, localRank, localWorldSize });
}

function sourceOf(variables: WorkerVariables): WorkerSource {
  if (variables.KAPPA_ROUND !== undefined) return 'launch';
  if (variables.TORCHELASTIC_RUN_ID !== undefined) return 'torchrun';
  return variables.KUBERNETES_SERVICE_HOST === undefined ? 'environment' : 'kubernetes';
}

function fromOpenMpi(variables: WorkerVariables): WorkerEnvironment | undefined {
  const places = placesOf(variables, {
    rank: 'OMPI_COMM_WORLD_RANK',
    worldSize: 'OMPI_COMM_WORLD_SIZE',
    localRank: 'OMPI_COMM_WORLD_LOCAL_RANK',
    localWorldSize: 'OMPI_COMM_WORLD_LOCAL_SIZE',
  });
  return places && complete(variables, 'openmpi', places);
}

function fromMpi(variables: WorkerVariables): WorkerEnvironment | undefined {
  // srun speaks PMI, too (--mpi=pmi2), and then has no local rank but in its own variables.
  if (variables.MPI_LOCALRANKID === undefined && isUnderSrun(variables)) return undefined;
  const places = placesOf(variables, {
    rank: 'PMI_RANK',
    worldSize: 'PMI_SIZE',
    localRank: 'MPI_LOCALRANKID',
    localWorldSize: 'MPI_LOCALNRANKS',
  });
  return places && complete(variables, 'mpi', places);
}

/** The variables that hold the places of a process. */
interface PlaceNames {
  rank: Name;
  worldSize: Name;
  localRank: Name;
  localWorldSize: Name;
}

type Places = Pick<WorkerEnvironment, keyof PlaceNames>;

/** Rank and size by the variables of a launcher; undefined where it did not start this process, or it alone. */
function placesOf(variables: WorkerVariables, names: PlaceNames): Places | undefined {
  if (variables[names.rank] === undefined && variables[names.worldSize] === undefined) return undefined;
  const [has, lacks] =
    variables[names.rank] === undefined ? [names.worldSize, names.rank] : [names.rank, names.worldSize];
  if (variables[lacks] === undefined) throw missing(lacks, has, variables[has]);
  const worldSize = number(variables, names.worldSize, 1);
  const rank = number(variables, names.rank, 0, worldSize - 1);
  if (worldSize === 1) return undefined;
  for (const name of [names.localRank, names.localWorldSize])
    if (variables[name] === undefined) throw missing(name, names.worldSize, String(worldSize));
  const localWorldSize = number(variables, names.localWorldSize, 1, worldSize);
  const localRank = number(variables, names.localRank, 0, Math.min(localWorldSize - 1, rank));
  return { rank, worldSize, localRank, localWorldSize };
}

function isUnderSrun(variables: WorkerVariables): boolean {
  return variables.SLURM_STEP_NUM_TASKS !== undefined && variables.SLURM_STEP_NUM_TASKS !== '1';
}

/** Only srun counts the tasks of a step; a batch script and a shell have a job, and perhaps a rank, but no such number. */
function fromSlurm(variables: WorkerVariables): WorkerEnvironment | undefined {
  if (!isUnderSrun(variables)) return undefined;
  const needs = (name: Name): string => {
    const value = variables[name];
    if (value === undefined) throw missing(name, 'SLURM_STEP_NUM_TASKS', variables.SLURM_STEP_NUM_TASKS);
    return value;
  };
  const worldSize = number(variables, 'SLURM_STEP_NUM_TASKS', 2);
  needs('SLURM_PROCID');
  needs('SLURM_LOCALID');
  const rank = number(variables, 'SLURM_PROCID', 0, worldSize - 1);
  needs('SLURM_NODEID');
  const tasks = parseTasksPerNode(needs('SLURM_STEP_TASKS_PER_NODE'), 'SLURM_STEP_TASKS_PER_NODE');
  if (tasks.reduce((sum, count) => sum + count, 0) !== worldSize)
    throw wrong(variables, 'SLURM_STEP_TASKS_PER_NODE', `${worldSize} tasks in all (SLURM_STEP_NUM_TASKS)`);
  const localWorldSize = tasks[number(variables, 'SLURM_NODEID', 0, tasks.length - 1)]!;
  const localRank = number(variables, 'SLURM_LOCALID', 0, Math.min(localWorldSize - 1, rank));
  return complete(variables, 'slurm', { rank, worldSize, localRank, localWorldSize });
}

/** The places with where to meet: MASTER_ADDR and MASTER_PORT, or what the launcher's own variables give for them. */
function complete(variables: WorkerVariables, source: WorkerSource, places: Places): WorkerEnvironment {
  return {
    ...places,
    masterAddress: variables.MASTER_ADDR ?? addressOf(variables, source, places),
    masterPort:
      variables.MASTER_PORT === undefined
        ? portOf(variables, source, places)
        : number(variables, 'MASTER_PORT', 1, 65535),
    source,
    restartCount: optional(variables, 'TORCHELASTIC_RESTART_COUNT'),
    round: optional(variables, 'KAPPA_ROUND'),
    runId: variables.TORCHELASTIC_RUN_ID ?? '',
    ...(variables.KAPPA_LAUNCH === undefined ? {} : { launchId: variables.KAPPA_LAUNCH }),
    storeIsHosted: variables.TORCHELASTIC_USE_AGENT_STORE?.toLowerCase() === 'true',
    ...(variables.KAPPA_NODE_ADDR === undefined ? {} : { nodeAddress: variables.KAPPA_NODE_ADDR }),
  };
}

function addressOf(variables: WorkerVariables, source: WorkerSource, places: Places): string {
  if (source === 'slurm') {
    const name = variables.SLURM_STEP_NODELIST === undefined ? 'SLURM_JOB_NODELIST' : 'SLURM_STEP_NODELIST';
    const hosts = variables[name];
    if (hosts === undefined)
      throw missing('SLURM_STEP_NODELIST', 'SLURM_STEP_NUM_TASKS', variables.SLURM_STEP_NUM_TASKS);
    return parseHostList(hosts, name)[0]!;
  }
  const isMpi = source === 'openmpi' || source === 'mpi';
  if (places.worldSize === 1 || (isMpi && places.localWorldSize === places.worldSize)) return '127.0.0.1';
  throw missing('MASTER_ADDR', isMpi ? undefined : 'WORLD_SIZE', variables.WORLD_SIZE, source);
}

/** For Slurm a port of 10,000 to 29,999, below those that systems give out themselves, by job and step. */
function portOf(variables: WorkerVariables, source: WorkerSource, { worldSize }: Places): number {
  if (source === 'slurm') {
    if (variables.SLURM_JOB_ID === undefined)
      throw missing('SLURM_JOB_ID', 'SLURM_STEP_NUM_TASKS', variables.SLURM_STEP_NUM_TASKS);
    const job = number(variables, 'SLURM_JOB_ID', 0);
    return 10_000 + ((job + 101 * optional(variables, 'SLURM_STEP_ID')) % 20_000);
  }
  if (worldSize === 1 || source === 'openmpi' || source === 'mpi') return DEFAULT_PORT;
  throw missing('MASTER_PORT', 'WORLD_SIZE', variables.WORLD_SIZE);
}

function optional(variables: WorkerVariables, name: Name): number {
  return variables[name] === undefined ? 0 : number(variables, name, 0);
}

function number(variables: WorkerVariables, name: Name, least: number, most = Infinity): number {
  const text = variables[name] ?? '';
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  throw wrong(variables, name, `a whole number ${range}`);
}

function wrong(variables: WorkerVariables, name: Name, expected: string): KappaError {
  return new KappaError(
    'ERR_CONFIG',
    `Expected ${expected} for the environment variable ${name} but received ${JSON.stringify(variables[name])}.`,
  );
}

function missing(name: Name, besides: Name | undefined, value?: string, source?: string): KappaError {
  const beside =
    besides === undefined ? `under mpirun (${source}) on several machines` : `beside ${besides}=${value}`;
  return new KappaError(
    'ERR_CONFIG',
    `Expected the environment variable ${name} ${beside}, but it is not set: a launcher sets all that a process needs ` +
      'to join the others, and whoever is alone needs none of them.',
  );
}
