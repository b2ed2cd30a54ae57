import { KappaError } from './errors';
import { readEnv } from './libtorch/env';

/** The environment variables of this package outside lib/libtorch/, with what they do. */
export const environmentVariables = {
  KAPPA_DEBUG: 'set to 1: errors show their stacks, JavaScript and C++ frames',
  KAPPA_THREADS:
    'compute threads, where the config says runtime.threads "auto", and of kappa eval without --threads',
  KAPPA_CACHE: 'folder of cached files, by default kappaface in the cache folder of the user',
  NO_COLOR: 'set to anything: no colours on the terminal',
} as const;

/** What the environment asks for. */
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
 * Reads the environment; nothing else outside lib/libtorch/ does.
 *
 * @param variables the variables, by default those of the process
 * @throws KappaError ERR_CONFIG if a variable has a value that it cannot have
 */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): Environment {
  return {
    debug: isDebug(variables),
    color: usesColor(variables),
    threads: threadsOf(nonEmpty(variables.KAPPA_THREADS)),
    // One rule for all that is cached; lib/libtorch has it.
    cache: readEnv(variables).cache,
  };
}

/** Whether KAPPA_DEBUG is on; never throws, so that errors can be printed. */
export function isDebug(variables: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return !['', '0', 'false', 'no', 'off'].includes((variables.KAPPA_DEBUG ?? '').toLowerCase());
}

/** Whether NO_COLOR is unset; never throws, so that errors can be printed. */
export function usesColor(variables: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return nonEmpty(variables.NO_COLOR) === undefined;
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
