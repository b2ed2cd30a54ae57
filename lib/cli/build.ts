import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Command } from 'commander';
import { childVariables } from '../env';
import { KappaError } from '../errors';
import { exitCodes } from './exit-codes';
import type { Action } from './flags';
import { interruptible } from './interruption';
import { say } from './output';

/** Where the addon with CUDA comes from: nvcc has to compile its kernels. */
export const CUDA_ADDON =
  'The addon with CUDA is built in a clone of the repository alone: npm run build:cuda. Elsewhere it comes prebuilt, ' +
  'for linux-x64: npm install --save-optional @kappaface/linux-x64-cu130';

/** Adds `kappa build`. */
export function addBuild(program: Command, action: Action): void {
  program
    .command('build')
    .description('build the native addon from its sources, where no prebuilt one fits')
    .option('--force', 'build it also where it is up to date')
    .addHelpText('after', '\nNeeds CMake, a C++20 compiler and LibTorch (kappa libtorch install).')
    .action(action(buildCommand));
}

/** `kappa build`: builds the addon against the LibTorch that is found. Ctrl-C ends the compilers, too. */
async function buildCommand({ force }: { force?: boolean }): Promise<number> {
  const { findLibtorch } = await import('../libtorch/find');
  const run = await interruptible({ say }, ({ signal }) =>
    buildAddon(findLibtorch(), { signal, args: force ? ['--force'] : [] }),
  );
  return 'exitCode' in run ? run.exitCode : exitCodes.ok;
}

/**
 * Builds the addon against a LibTorch, with the script that the package brings; what it says goes to stderr.
 *
 * @param options script: default that of this package
 * @throws KappaError ERR_ADDON where a tool is missing or the build fails, ERR_CANCELLED
 */
export async function buildAddon(
  { root, variant }: { root: string; variant: string },
  { signal, script, args = [] }: { signal: AbortSignal; script?: string; args?: readonly string[] },
): Promise<void> {
  if (variant === 'cuda') throw new KappaError('ERR_ADDON', CUDA_ADDON);
  const { checkTools } = await import('../libtorch/build/tools');
  const missing = await checkTools();
  if (missing.length > 0)
    throw new KappaError('ERR_ADDON', `The addon cannot be built here.\n${missing.join('\n')}`);
  const { PACKAGE_ROOT } = await import('../libtorch/package-root');
  await runScript(script ?? path.join(PACKAGE_ROOT, 'scripts', 'build-native.js'), args, root, signal);
}

function runScript(
  script: string,
  args: readonly string[],
  root: string,
  signal: AbortSignal,
): Promise<void> {
  // A group of its own, so that compilers end with the script, however the signal came.
  const grouped = process.platform !== 'win32';
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 2, 2],
      detached: grouped,
      // The build must use the very LibTorch that was just found.
      env: childVariables({ LIBTORCH: root }),
    });
    const end = (): void => {
      if (!grouped || child.pid === undefined) child.kill();
      else process.kill(-child.pid, 'SIGTERM');
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    child.once('error', reject);
    child.once('exit', (code) => {
      signal.removeEventListener('abort', end);
      if (code === 0) resolve();
      else if (signal.aborted)
        reject(new KappaError('ERR_CANCELLED', 'The build of the native addon was interrupted.'));
      else reject(new KappaError('ERR_ADDON', 'The native addon could not be built; the reason is above.'));
    });
  });
}
