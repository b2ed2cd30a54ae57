import fs from 'node:fs';
import path from 'node:path';

import type { Attempt } from '../attempts';
import { packageVersion, readBuildMetadata } from '../build/build-metadata';
import type { BuildMetadata } from '../build/build-metadata';
import { locateAddon, pixelsBeside } from '../build/locate-addon';
import { readEnv } from '../env';
import type { LibtorchEnv } from '../env';
import { searchLibtorch } from '../find';
import type { Search } from '../find';
import { inspectLibtorch, libraryName } from '../inspect';
import type { LibtorchTree } from '../inspect';
import { PACKAGE_ROOT } from '../package-root';
import { lineOf, variantName } from '../versions';
import { fitOf, libtorchName } from './fit';
import { findPlatformPackage, platformPackage } from './platform-packages';

/** An addon that may be loaded, and the LibTorch to open for it. */
export interface AddonChoice {
  /** What messages call it: a path below the package, or a package with its version. */
  name: string;
  kind: 'built here' | 'prebuilt';
  addon: string;
  pixels: string;
  /** What is known of its build. */
  metadata?: BuildMetadata;
  libtorch: LibtorchTree;
  /** Why it is not sure that the two go together: such an addon is tried in another process first. */
  doubt?: string;
}

/** What can be loaded, best first, and what cannot. */
export interface AddonPlan {
  choices: AddonChoice[];
  /** The addons that are out, and why. */
  attempts: Attempt[];
  /** Name and version of the prebuilt addon's package, where it is missing, or of another version. */
  missingPackage?: string;
  /** The search for LibTorch; an addon that was built here may not have asked for it. */
  search?: Search;
}

/** A place to look for an addon, before anything is known of it. */
interface Place {
  name: string;
  kind: AddonChoice['kind'];
  addon: string;
}

/**
 * Chooses the addon and the LibTorch to open for it: what was built on this machine, with the LibTorch of that build,
 * else the package with the prebuilt addon for the LibTorch that is found. A LibTorch that is asked for (`LIBTORCH`,
 * `LIBTORCH_USE_PYTORCH`, version, variant) is the only one then.
 *
 * @param root root of the package; default this one
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND`, `ERR_VERSION` where the LibTorch that is asked for cannot be used
 */
export function planAddon(env: LibtorchEnv = readEnv(), root: string = PACKAGE_ROOT): AddonPlan {
  const plan: AddonPlan = { choices: [], attempts: [] };
  const search = (): Search => (plan.search ??= searchLibtorch(env));
  const version = packageVersion(root);

  for (const addon of locateAddon(root, env.debug, env.variant === 'cuda')) {
    const place: Place = { name: path.relative(root, addon), kind: 'built here', addon };
    if (!fs.existsSync(addon)) {
      plan.attempts.push({ source: place.name, reason: 'not built' });
      continue;
    }
    const own = libtorchOfBuild(readBuildMetadata(addon), env);
    consider(plan, place, own ?? search().found);
  }

  // What was built here comes first; with it, packages are asked for nothing.
  if (plan.choices.length > 0) return plan;
  const { found } = search();
  const variant = found?.variant ?? env.variant;
  const name = platformPackage(variant);
  if (name === undefined) {
    const source = `a prebuilt addon for ${process.platform}-${process.arch}`;
    plan.attempts.push({ source, reason: `there is none for LibTorch ${variantName(variant)}` });
    return plan;
  }
  const installed = findPlatformPackage(name, root);
  if (installed === undefined) plan.attempts.push({ source: name, reason: 'not installed' });
  else if (installed.version !== version)
    plan.attempts.push({
      source: `${name} ${installed.version}`,
      reason: `belongs to another version: kappaface ${version} needs the same of it`,
    });
  else if (!fs.existsSync(installed.addon))
    plan.attempts.push({ source: `${name} ${version}`, reason: `${installed.addon} is missing` });
  else {
    consider(plan, { name: `${name} ${version}`, kind: 'prebuilt', addon: installed.addon }, found);
    return plan;
  }
  plan.missingPackage = `${name}@${version}`;
  return plan;
}

/** The LibTorch that an addon was built against, if it is still there and no other one is asked for. */
function libtorchOfBuild(metadata: BuildMetadata | undefined, env: LibtorchEnv): LibtorchTree | undefined {
  if (metadata?.libtorch.root === undefined || env.libtorch !== undefined || env.usePython) return undefined;
  const { version, variant, root } = metadata.libtorch;
  if ((env.versionGiven && env.version !== version) || (env.variantGiven && env.variant !== variant))
    return undefined;
  try {
    return inspectLibtorch(root, { version, variant });
  } catch {
    return undefined;
  }
}

/** Enters an addon that is there into the plan: as a choice, or with the reason why it is none. */
function consider(plan: AddonPlan, { name, kind, addon }: Place, libtorch: LibtorchTree | undefined): void {
  const metadata = readBuildMetadata(addon);
  const fit =
    libtorch === undefined
      ? { fits: false as const, reason: `needs LibTorch ${wantedBy(metadata)}, and none was found` }
      : metadata === undefined
        ? { fits: 'perhaps' as const, doubt: 'nothing is known of its build' }
        : fitOf(metadata.libtorch, libtorch);
  if (fit.fits === false || libtorch === undefined) {
    plan.attempts.push({ source: name, reason: fit.fits === false ? fit.reason : '' });
    return;
  }
  const doubt = fit.fits === 'perhaps' ? fit.doubt : undefined;
  plan.choices.push({ name, kind, addon, pixels: pixelsBeside(addon), metadata, libtorch, doubt });
}

function wantedBy(metadata: BuildMetadata | undefined): string {
  if (metadata === undefined) return 'of unknown version';
  return libtorchName({ ...metadata.libtorch, version: `${lineOf(metadata.libtorch.version)}.x` });
}

/** The library that brings along all others of a LibTorch, with those of CUDA: it knows where they lie. */
export function mainLibrary(libtorch: Pick<LibtorchTree, 'root'>): string {
  return path.join(libtorch.root, 'lib', libraryName('torch'));
}

/**
 * Paths at which the small addon for pixels may lie, best first; it goes with every LibTorch.
 *
 * @param root root of the package; default this one
 */
export function pixelsPlaces(env: LibtorchEnv = readEnv(), root: string = PACKAGE_ROOT): string[] {
  const version = packageVersion(root);
  const packages = (['cpu', 'cuda'] as const)
    .map((variant) => platformPackage(variant))
    .map((name) => (name === undefined ? undefined : findPlatformPackage(name, root)))
    .filter((installed) => installed?.version === version)
    .map((installed) => pixelsBeside(installed?.addon ?? ''));
  return [...locateAddon(root, env.debug, env.variant === 'cuda', 'kappaface-pixels'), ...packages];
}

/** What can be done where no addon could be loaded, one remedy a pair: the command, and what it does. */
export function addonRemedies(
  { missingPackage, search }: Pick<AddonPlan, 'missingPackage' | 'search'>,
  env: LibtorchEnv = readEnv(),
): [command: string, effect: string][] {
  const variant = search?.found?.variant ?? env.variant;
  const flag = variant === 'cpu' ? '' : ` --variant ${variantName(variant)}`;
  return [
    ...(search !== undefined && search.found === undefined
      ? ([
          [
            `npx kappa libtorch install${flag}`,
            `fetches LibTorch ${libtorchName({ version: env.version, variant })} into the cache`,
          ],
        ] as [string, string][])
      : []),
    ...(missingPackage === undefined
      ? []
      : ([
          [
            `npm install --save-optional ${missingPackage}`,
            'installs the prebuilt addon: an optional package, which lock files written on another platform may lack',
          ],
        ] as [string, string][])),
    ['npx kappa build', 'builds the addon here, against the LibTorch found; needs CMake and a C++ compiler'],
    ['npx kappa doctor', 'tells what this machine has and lacks'],
  ];
}
