import os from 'node:os';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { launcherVariables, pick, workerVariables } from './distributed-variables';
import type { LauncherVariables, WorkerVariables } from './distributed-variables';
import { KappaError } from './errors';

/** An environment variable that this package reads. */
export interface EnvironmentVariable {
  name: string;
  meaning: string;
  /** What holds where it is not set; empty where that is nothing. */
  default: string;
}

/**
 * Every environment variable of this package: those that {@link readEnvironment} and lib/libtorch/env.ts read, and
 * those of its scripts and of the addon. docs/reference/environment.md shows the same table.
 */
export const ENVIRONMENT_VARIABLES: readonly EnvironmentVariable[] = [
  {
    name: 'KAPPA_THREADS',
    meaning:
      'compute threads, where the config says runtime.threads "auto", and of kappa eval without --threads',
    default: 'what the machine offers',
  },
  {
    name: 'KAPPA_CACHE',
    meaning: 'folder of cached files: LibTorch, synthetic face sets',
    default: 'kappaface in the cache folder of the user',
  },
  { name: 'XDG_CACHE_HOME', meaning: 'cache folder of the user on Linux', default: '.cache in HOME' },
  { name: 'LOCALAPPDATA', meaning: 'cache folder of the user on Windows', default: 'AppData\\Local in HOME' },
  { name: 'HOME', meaning: 'home folder of the user', default: 'the one that the system names' },
  {
    name: 'KAPPA_DEBUG',
    meaning:
      '1: errors show their stacks, JavaScript and C++ frames; a debug build of the addon is preferred',
    default: '',
  },
  { name: 'NO_COLOR', meaning: 'anything: no colours on the terminal', default: '' },
  { name: 'LIBTORCH', meaning: 'folder of a LibTorch to use (holds lib, include, share/cmake)', default: '' },
  {
    name: 'LIBTORCH_USE_PYTORCH',
    meaning: '1: use the LibTorch inside the installed Python torch',
    default: '',
  },
  {
    name: 'KAPPA_LIBTORCH_VERSION',
    meaning: 'version to find or fetch; one that is not supported is tried',
    default: '2.13.0; 2.14.1 of variant cu130',
  },
  {
    name: 'KAPPA_LIBTORCH_VARIANT',
    meaning:
      'variant to find or fetch, and so the addon to use: cpu, or cu130 (cuda is the same) for NVIDIA GPUs',
    default: 'cpu',
  },
  {
    name: 'KAPPA_LIBTORCH_URL',
    meaning: 'address (http, https, file) of a LibTorch .zip or a torch .whl to fetch, instead of pip',
    default: 'the official zip, after pip',
  },
  { name: 'KAPPA_LIBTORCH_SHA256', meaning: 'SHA-256 (hex) of the fetched zip or wheel', default: '' },
  { name: 'KAPPA_PYTHON', meaning: 'Python to run pip with', default: 'python3, then python' },
  {
    name: 'CI',
    meaning: '1 or true: kappa train fetches LibTorch, where it is missing, without --yes',
    default: '',
  },
  { name: 'KAPPA_SKIP_BUILD', meaning: '1: npm install neither fetches LibTorch nor builds', default: '' },
  {
    name: 'KAPPA_CPU_ISA',
    meaning:
      'use the processor as if it were a lesser one: baseline, avx2, avx512 (without bfloat16) or avx512_bf16',
    default: 'all that it has',
  },
  { name: 'CXX', meaning: 'C++ compiler to build with', default: 'the one that CMake finds' },
  {
    name: 'KAPPA_WERROR',
    meaning: '1: warnings of the C++ compiler end the build, as in our CI',
    default: '',
  },
  {
    name: 'CUDACXX',
    meaning: 'CUDA compiler (nvcc) for the kernels',
    default: 'CUDA_HOME, CUDA_PATH, PATH, /usr/local/cuda*, the wheel',
  },
  {
    name: 'CUDA_VISIBLE_DEVICES',
    meaning: 'GPUs that may be used; kappa launch counts them, and hands them on as they are',
    default: 'all',
  },
  ...Object.entries({ ...workerVariables, ...launcherVariables }).map(([name, meaning]) => ({
    name,
    meaning,
    default: '',
  })),
];

/** Variables by name, like `process.env`. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** What the environment asks for, besides what concerns LibTorch (lib/libtorch/env.ts). */
export interface Environment {
  /** Show stacks with errors. */
  readonly debug: boolean;
  /** Colours may be used on a terminal. */
  readonly color: boolean;
  /** Compute threads; undefined chooses by the machine. */
  readonly threads: number | undefined;
  /** Absolute path of the folder for cached files. It may not exist yet. */
  readonly cache: string;
}

/**
 * Reads the environment; besides lib/libtorch/env.ts nothing else does.
 *
 * @param variables the variables, by default those of the process
 * @throws KappaError ERR_CONFIG if a variable has a value that it cannot have
 */
export function readEnvironment(variables: Variables = process.env): Environment {
  return {
    debug: isDebug(variables),
    color: usesColor(variables),
    threads: threadsOf(nonEmpty(variables.KAPPA_THREADS)),
    cache: cacheOf(variables),
  };
}

/** What a launcher, Slurm or MPI tells this process as one of several; lib/distributed/worker-environment.ts reads it. */
export function readWorkerVariables(variables: Variables = process.env): WorkerVariables {
  return pick(workerVariables, variables);
}

/** What stands for flags of `kappa launch`. */
export function readLauncherVariables(variables: Variables = process.env): LauncherVariables {
  return pick(launcherVariables, variables);
}

/** CUDA_VISIBLE_DEVICES: the GPUs that may be used; empty is none, undefined all. */
export function visibleGpus(variables: Variables = process.env): string | undefined {
  return variables.CUDA_VISIBLE_DEVICES;
}

/** The environment for a process to be started: this one's, with these variables besides or instead. */
export function childVariables(
  changes: Readonly<Record<string, string>>,
  variables: Variables = process.env,
): NodeJS.ProcessEnv {
  return { ...variables, ...changes };
}

/** Whether KAPPA_DEBUG is on; never throws, so that errors can be printed. */
export function isDebug(variables: Variables = process.env): boolean {
  return isOn(variables.KAPPA_DEBUG);
}

/** Whether NO_COLOR is unset; never throws, so that errors can be printed. */
export function usesColor(variables: Variables = process.env): boolean {
  return nonEmpty(variables.NO_COLOR) === undefined;
}

/** Whether a switch such as `LIBTORCH_USE_PYTORCH` is on. */
export function isOn(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'no', 'off'].includes(value.toLowerCase());
}

/** The folder of everything that kappaface caches for this user: KAPPA_CACHE, or {@link defaultCache}. */
export function cacheOf(variables: Variables, platform: NodeJS.Platform = process.platform): string {
  return path.resolve(variables.KAPPA_CACHE || defaultCache(variables, platform));
}

/** Per-user cache folder of kappaface by the platform's convention. */
function defaultCache(variables: Variables, platform: NodeJS.Platform): string {
  const home = variables.HOME || os.homedir();
  if (platform === 'darwin') return path.join(home, 'Library', 'Caches', 'kappaface');
  if (platform === 'win32')
    return path.join(variables.LOCALAPPDATA || path.join(home, 'AppData', 'Local'), 'kappaface', 'Cache');
  // The XDG specification says that a relative path is to be ignored.
  const xdg = variables.XDG_CACHE_HOME;
  return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(home, '.cache'), 'kappaface');
}

/** How long the threads of an operation spin for the next one. */
export interface Spinning {
  /** What the OpenMP runtime of LibTorch reads when it is loaded. */
  variables: Readonly<Record<string, string>>;
  /** Whether the addon shortens it while threads wait for cores. */
  isLimited: boolean;
}

/** Where the user tells the OpenMP runtime on which cores its threads run, the addon leaves them alone. */
const CORE_VARIABLES = ['OMP_PROC_BIND', 'OMP_PLACES', 'GOMP_CPU_AFFINITY', 'KMP_AFFINITY'];

/**
 * How long threads spin where the user does not say. They wait for each other at the end of every operation: to wake one
 * that sleeps takes longer than the next operation, but one that spins keeps a core from whoever has work. Where the
 * addon sees that threads wait for cores it makes them more than there are cores, and with `active` they then spin 1,000
 * turns. Where it does not look, and among ranks that share a machine, they spin as long as is good beside others.
 */
export function spinning(
  variables: Variables = process.env,
  platform: NodeJS.Platform = process.platform,
): Spinning {
  const isSet = (name: string): boolean => nonEmpty(variables[name]) !== undefined;
  if (isSet('GOMP_SPINCOUNT') || isSet('OMP_WAIT_POLICY')) return { variables: {}, isLimited: false };
  const isRank = Number(variables.LOCAL_WORLD_SIZE ?? 1) > 1;
  if (platform !== 'linux' || isRank || CORE_VARIABLES.some((name) => variables[name] !== undefined))
    return { variables: { GOMP_SPINCOUNT: '2000' }, isLimited: false };
  return { variables: { GOMP_SPINCOUNT: '300000', OMP_WAIT_POLICY: 'active' }, isLimited: true };
}

/**
 * Calls a function with these variables set, for libraries that read them when they are loaded; where the user has
 * set one, the user's stays. Only the main thread has the variables of the process: elsewhere nothing is set.
 */
export function withVariables<T>(wanted: Readonly<Record<string, string>>, body: () => T): T {
  const added = isMainThread ? Object.keys(wanted).filter((name) => process.env[name] === undefined) : [];
  for (const name of added) process.env[name] = wanted[name];
  try {
    return body();
  } finally {
    for (const name of added) delete process.env[name];
  }
}

/** What cuBLAS reads at its first product: with working memory of its own for each stream it gives the same bits each time. */
export const DETERMINISTIC_VARIABLES = { CUBLAS_WORKSPACE_CONFIG: ':4096:8' } as const;

/**
 * What c10d reads when it makes a group over NCCL. Where an exchange fails or takes too long its communicators are aborted,
 * at once, and the run ends with an error that says so: by itself c10d would end the process from a thread of its own,
 * after a minute meant for its flight recorder.
 */
export const NCCL_VARIABLES = {
  TORCH_NCCL_ASYNC_ERROR_HANDLING: '2',
  TORCH_NCCL_ENABLE_MONITORING: '0',
  TORCH_NCCL_RETHROW_CUDA_ERRORS: '0',
  TORCH_NCCL_WAIT_TIMEOUT_DUMP_MILSEC: '250',
} as const;

/** Sets these variables for good, as {@link withVariables} does for a while. */
export function setVariables(wanted: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(wanted)) {
    if (isMainThread) process.env[name] ??= value;
  }
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function threadsOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const threads = Number(value);
  if (!Number.isInteger(threads) || threads < 1 || threads > 4096)
    throw new KappaError(
      'ERR_CONFIG',
      `Expected a whole number from 1 to 4096 for the environment variable KAPPA_THREADS but received ${JSON.stringify(value)}.`,
    );
  return threads;
}
