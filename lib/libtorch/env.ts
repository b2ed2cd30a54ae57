import { cacheOf, isDebug, isOn, type Variables } from '../env';
import { KappaError } from '../errors';
import { DEFAULT_VARIANT, DEFAULT_VERSIONS, parseVariant, VARIANT_NAMES_TEXT } from './versions';
import type { LibtorchVariant } from './versions';

/** What the environment says about LibTorch and the build of the addon. */
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
  /** Whether warnings of the compiler end a build. */
  warningsAreErrors: boolean;
  debug: boolean;
  /** Whether this is a machine of continuous integration, where nobody can be asked. */
  ci: boolean;
}

/**
 * Parses the environment: the only place of `lib/libtorch` that reads it. lib/env.ts lists the variables.
 *
 * @param env variables; default `process.env`
 * @param platform platform whose cache convention applies; default this one
 * @throws KappaError `ERR_CONFIG` where a variable has an impossible value
 */
export function readEnv(
  env: Variables = process.env,
  platform: NodeJS.Platform = process.platform,
): LibtorchEnv {
  const variant = parseVariant(env.KAPPA_LIBTORCH_VARIANT || DEFAULT_VARIANT);
  if (variant === undefined)
    throw new KappaError(
      'ERR_CONFIG',
      `KAPPA_LIBTORCH_VARIANT must be one of ${VARIANT_NAMES_TEXT} but is "${env.KAPPA_LIBTORCH_VARIANT}".`,
    );
  const version = env.KAPPA_LIBTORCH_VERSION || DEFAULT_VERSIONS[variant];
  if (!/^\d+\.\d+\.\d+$/.test(version))
    throw new KappaError(
      'ERR_CONFIG',
      `KAPPA_LIBTORCH_VERSION must be a full version such as ${DEFAULT_VERSIONS[variant]} but is "${version}".`,
    );
  const sha256 = env.KAPPA_LIBTORCH_SHA256?.toLowerCase() || undefined;
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
    throw new KappaError(
      'ERR_CONFIG',
      `KAPPA_LIBTORCH_SHA256 must be 64 hexadecimal digits but is "${sha256}".`,
    );
  return {
    libtorch: env.LIBTORCH || undefined,
    usePython: isOn(env.LIBTORCH_USE_PYTORCH),
    cache: cacheOf(env, platform),
    version,
    versionGiven: Boolean(env.KAPPA_LIBTORCH_VERSION),
    variant,
    variantGiven: Boolean(env.KAPPA_LIBTORCH_VARIANT),
    url: env.KAPPA_LIBTORCH_URL || undefined,
    sha256,
    python: env.KAPPA_PYTHON || undefined,
    skipBuild: isOn(env.KAPPA_SKIP_BUILD),
    cxx: env.CXX || undefined,
    warningsAreErrors: isOn(env.KAPPA_WERROR),
    debug: isDebug(env),
    ci: isOn(env.CI),
  };
}
