import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Command } from 'commander';
import { KappaError } from '../../errors';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, type Action } from '../flags';
import { interruptible } from '../interruption';
import { printJson, printText } from '../output';
import { summary } from './summary';

/** Options of `kappa libtorch install`. */
export interface LibtorchInstallOptions {
  /** Print one JSON value on stdout. */
  json?: boolean;
  /** Also build the addon where it is missing or out of date. Default true, unless `KAPPA_SKIP_BUILD=1`. */
  build?: boolean;
}

/** Adds `kappa libtorch install`. */
export function addLibtorchInstall(libtorch: Command, action: Action): void {
  libtorch
    .command('install')
    .description('find or download LibTorch, and build the native addon where that is needed')
    .option('--no-build', 'leave the addon alone')
    .option('--json', JSON_DOC)
    .action(
      action(({ json, build }: { json?: boolean; build: boolean }) =>
        // Without --no-build the environment decides.
        libtorchInstallCommand({ json, build: build ? undefined : false }),
      ),
    );
}

/**
 * `kappa libtorch install`: finds or fetches LibTorch, then builds the addon against it where that is needed.
 * Ctrl-C leaves nothing half done.
 */
async function libtorchInstallCommand(options: LibtorchInstallOptions = {}): Promise<number> {
  const { readEnv } = await import('../../libtorch/env');
  const { installLibtorch } = await import('../../libtorch/install');
  const { isUpToDate } = await import('../../libtorch/build/build-metadata');
  const { locateAddon } = await import('../../libtorch/build/locate-addon');
  const { PACKAGE_ROOT } = await import('../../libtorch/package-root');
  const { createProgressPrinter } = await import('./progress');

  const env = readEnv();
  const printer = createProgressPrinter();
  const run = await interruptible({ say: printer.message }, async ({ signal }) => {
    const found = await installLibtorch({ env, onProgress: printer.listener, signal });
    printer.stop();
    const build = options.build ?? !env.skipBuild;
    const [addon] = locateAddon(PACKAGE_ROOT, false);
    if (build && addon !== undefined && !isUpToDate(addon, found, 'Release'))
      await buildAddon(path.join(PACKAGE_ROOT, 'scripts', 'build-native.js'), found.root, signal);
    return found;
  }).finally(printer.stop);
  if ('exitCode' in run) return run.exitCode;
  const found = run.result;
  if (options.json) printJson(summary(found));
  else printText(`LibTorch ${found.version} (${found.variant}) in ${found.root}, found by ${found.source}.`);
  return exitCodes.ok;
}

/**
 * Runs the build script; what it says goes to stderr.
 *
 * @throws KappaError ERR_ADDON, ERR_CANCELLED
 */
export function buildAddon(script: string, root: string, signal: AbortSignal): Promise<void> {
  // A group of its own, so that compilers end with the script, however the signal came.
  const grouped = process.platform !== 'win32';
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script], {
      stdio: ['ignore', 2, 2],
      detached: grouped,
      // The build must use the very LibTorch that was just found.
      env: { ...process.env, LIBTORCH: root },
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
