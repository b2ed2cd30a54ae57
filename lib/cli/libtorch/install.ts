import { spawn } from 'node:child_process';
import path from 'node:path';
import { KappaError } from '../../errors';
import { findLibtorch } from '../../libtorch/find';
import type { FoundLibtorch } from '../../libtorch/find';
import { installLibtorch } from '../../libtorch/install';
import { isUpToDate } from '../../libtorch/build/build-metadata';
import { readEnv } from '../../libtorch/env';
import { locateAddon } from '../../libtorch/build/locate-addon';
import { PACKAGE_ROOT } from '../../libtorch/package-root';
import { createProgressPrinter } from './progress';

/** Options of `kappa libtorch install`. */
export interface LibtorchInstallOptions {
  /** Print one JSON value on stdout. */
  json?: boolean;
  /** Also build the addon where it is missing or out of date. Default true, unless `KAPPA_SKIP_BUILD=1`. */
  build?: boolean;
}

function summary({ root, version, variant, abi, source }: FoundLibtorch): Record<string, string> {
  return { root, version, variant, abi, source };
}

/** Runs the build script; what it says goes to stderr. */
function buildAddon(root: string): Promise<void> {
  const script = path.join(PACKAGE_ROOT, 'scripts', 'build-native.js');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script], {
      stdio: ['ignore', 2, 2],
      // The build must use the very LibTorch that was just found.
      env: { ...process.env, LIBTORCH: root },
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new KappaError('ERR_ADDON', 'The native addon could not be built; the reason is above.'));
    });
  });
}

/**
 * `kappa libtorch install`: finds or fetches LibTorch, then builds the addon against it where that is needed.
 * Ctrl-C leaves nothing half done.
 */
export async function libtorchInstallCommand(options: LibtorchInstallOptions = {}): Promise<void> {
  const env = readEnv();
  const printer = createProgressPrinter();
  const controller = new AbortController();
  const cancel = (): void => controller.abort();
  process.once('SIGINT', cancel).once('SIGTERM', cancel);
  let found: FoundLibtorch;
  try {
    found = await installLibtorch({ env, onProgress: printer.listener, signal: controller.signal });
  } finally {
    printer.stop();
    process.removeListener('SIGINT', cancel).removeListener('SIGTERM', cancel);
  }
  const build = options.build ?? !env.skipBuild;
  const [addon] = locateAddon(PACKAGE_ROOT, false);
  if (build && addon !== undefined && !isUpToDate(addon, found, 'Release')) await buildAddon(found.root);
  if (options.json) process.stdout.write(`${JSON.stringify(summary(found))}\n`);
  else
    process.stdout.write(
      `LibTorch ${found.version} (${found.variant}) in ${found.root}, found by ${found.source}.\n`,
    );
}

/** `kappa libtorch path`: prints the root of the LibTorch that would be used; fetches nothing. */
export async function libtorchPathCommand(options: { json?: boolean } = {}): Promise<void> {
  const found = await findLibtorch();
  process.stdout.write(options.json ? `${JSON.stringify(summary(found))}\n` : `${found.root}\n`);
}
