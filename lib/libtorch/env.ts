import os from 'node:os';
import path from 'node:path';
import { KappaError } from '../errors';
import { DEFAULT_VERSION, DEFAULT_VARIANT, isVariant, VARIANTS } from './versions';
import type { LibtorchVariant } from './versions';

/** An environment variable that decides where LibTorch comes from or how the addon is built. */
export interface EnvironmentVariable {
  name: string;
  meaning: string;
  default: string;
}

/** Every environment variable that `lib/libtorch` reads; docs/libtorch.md shows the same table. */
export const ENVIRONMENT_VARIABLES: readonly EnvironmentVariable[] = [
  { name: 'LIBTORCH', meaning: 'folder of a LibTorch to use (holds lib, include, share/cmake)', default: '' },
  {
    name: 'LIBTORCH_USE_PYTORCH',
    meaning: '1: use the LibTorch inside the installed Python torch',
    default: '',
  },
  { name: 'KAPPA_CACHE', meaning: 'cache folder of kappaface', default: 'the cache folder of the user' },
  { name: 'KAPPA_LIBTORCH_VERSION', meaning: 'version to find or fetch', default: DEFAULT_VERSION },
  {
    name: 'KAPPA_LIBTORCH_VARIANT',
    meaning: 'cpu or cuda; cuda also picks the addon of npm run build:cuda',
    default: DEFAULT_VARIANT,
  },
  {
    name: 'KAPPA_LIBTORCH_URL',
    meaning: 'address (http, https, file) of a LibTorch .zip or a torch .whl to fetch, instead of pip',
    default: 'the official zip, after pip',
  },
  { name: 'KAPPA_LIBTORCH_SHA256', meaning: 'SHA-256 (hex) of the fetched zip or wheel', default: '' },
  { name: 'KAPPA_PYTHON', meaning: 'Python to run pip with', default: 'python3, then python' },
  { name: 'KAPPA_SKIP_BUILD', meaning: '1: npm install neither fetches LibTorch nor builds', default: '' },
  { name: 'CXX', meaning: 'C++ compiler to build with', default: 'the one that CMake finds' },
  {
    name: 'CUDACXX',
    meaning: 'CUDA compiler (nvcc) for the kernels',
    default: 'CUDA_HOME, CUDA_PATH, PATH, /usr/local/cuda*, the wheel',
  },
  { name: 'KAPPA_DEBUG', meaning: '1: prefer the debug build of the addon, show C++ frames', default: '' },
];

/** The environment, parsed. */
export interface LibtorchEnv {
  /** `LIBTORCH`. */
  libtorch?: string;
  /** `LIBTORCH_USE_PYTORCH`. */
  usePython: boolean;
  /** Folder of everything that kappaface caches for this user. */
  cache: string;
  /** Version to find or fetch, such as `2.13.0`. */
  version: string;
  /** Whether the user asked for that version, rather than getting the default. */
  versionGiven: boolean;
  variant: LibtorchVariant;
  variantGiven: boolean;
  url?: string;
  /** Lower-case hex. */
  sha256?: string;
  /** Python given by the user. */
  python?: string;
  skipBuild: boolean;
  /** `CXX`. */
  cxx?: string;
  debug: boolean;
}

/** Per-user cache folder of kappaface by the platform's convention. */
function defaultCache(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  const home = env['HOME'] || os.homedir();
  if (platform === 'darwin') return path.join(home, 'Library', 'Caches', 'kappaface');
  if (platform === 'win32')
    return path.join(env['LOCALAPPDATA'] || path.join(home, 'AppData', 'Local'), 'kappaface', 'Cache');
  // The XDG specification says that a relative path is to be ignored.
  const xdg = env['XDG_CACHE_HOME'];
  return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(home, '.cache'), 'kappaface');
}

/** Whether a switch such as `LIBTORCH_USE_PYTORCH` is on. */
function isOn(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'no', 'off'].includes(value.toLowerCase());
}

/**
 * Parses the environment: the only place of `lib/libtorch` that reads it.
 *
 * @param env variables; default `process.env`
 * @param platform platform whose cache convention applies; default this one
 * @throws KappaError `ERR_CONFIG` where a variable has an impossible value
 */
export function readEnv(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): LibtorchEnv {
  const version = env['KAPPA_LIBTORCH_VERSION'] || DEFAULT_VERSION;
  if (!/^\d+\.\d+\.\d+$/.test(version))
    throw new KappaError(
      'ERR_CONFIG',
      `KAPPA_LIBTORCH_VERSION must be a full version such as ${DEFAULT_VERSION} but is "${version}".`,
    );
  const variant = env['KAPPA_LIBTORCH_VARIANT'] || DEFAULT_VARIANT;
  if (!isVariant(variant))
    throw new KappaError(
      'ERR_CONFIG',
      `KAPPA_LIBTORCH_VARIANT must be one of ${VARIANTS.join(', ')} but is "${variant}".`,
    );
  const sha256 = env['KAPPA_LIBTORCH_SHA256']?.toLowerCase() || undefined;
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    throw new KappaError(
      'ERR_CONFIG',
      `KAPPA_LIBTORCH_SHA256 must be 64 hexadecimal digits but is "${sha256}".`,
    );
  return {
    libtorch: env['LIBTORCH'] || undefined,
    usePython: isOn(env['LIBTORCH_USE_PYTORCH']),
    cache: path.resolve(env['KAPPA_CACHE'] || defaultCache(env, platform)),
    version,
    versionGiven: Boolean(env['KAPPA_LIBTORCH_VERSION']),
    variant,
    variantGiven: Boolean(env['KAPPA_LIBTORCH_VARIANT']),
    url: env['KAPPA_LIBTORCH_URL'] || undefined,
    sha256,
    python: env['KAPPA_PYTHON'] || undefined,
    skipBuild: isOn(env['KAPPA_SKIP_BUILD']),
    cxx: env['CXX'] || undefined,
    debug: isOn(env['KAPPA_DEBUG']),
  };
}
