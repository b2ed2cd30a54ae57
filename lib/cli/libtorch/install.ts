import type { Command } from 'commander';
import { childVariables } from '../../env';
import { buildAddon, CUDA_ADDON } from '../build';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, type Action } from '../flags';
import { interruptible } from '../interruption';
import { printJson, printText, say } from '../output';
import { summary } from './summary';

/** Options of `kappa libtorch install`. */
interface LibtorchInstallOptions {
  /** Print one JSON value on stdout. */
  json?: boolean;
  /** Also build the addon where none fits. Default true, unless `KAPPA_SKIP_BUILD=1`. */
  build?: boolean;
  /** Name of a variant, instead of `KAPPA_LIBTORCH_VARIANT`. */
  variant?: string;
}

/** Adds `kappa libtorch install`. */
export function addLibtorchInstall(libtorch: Command, action: Action): void {
  libtorch
    .command('install')
    .description('find or download LibTorch, and build the native addon where no prebuilt one fits')
    .option('--variant <name>', 'cpu, or cu130 for NVIDIA GPUs; by default KAPPA_LIBTORCH_VARIANT, else cpu')
    .option('--no-build', 'leave the addon alone')
    .option('--json', JSON_DOC)
    .action(
      action(({ build, ...options }: LibtorchInstallOptions) =>
        // Without --no-build the environment decides.
        libtorchInstallCommand({ ...options, build: build ? undefined : false }),
      ),
    );
}

/**
 * `kappa libtorch install`: finds or fetches LibTorch, then builds the addon against it where none fits. Ctrl-C leaves
 * nothing half done.
 */
async function libtorchInstallCommand(options: LibtorchInstallOptions): Promise<number> {
  const { planAddon } = await import('../../libtorch/addon/plan');
  const { isUpToDate } = await import('../../libtorch/build/build-metadata');
  const { readEnv } = await import('../../libtorch/env');
  const { installLibtorch } = await import('../../libtorch/install');
  const { variantName } = await import('../../libtorch/versions');
  const { createProgressPrinter } = await import('../install-progress');

  const { variant } = options;
  const env = readEnv(
    variant === undefined ? undefined : childVariables({ KAPPA_LIBTORCH_VARIANT: variant }),
  );
  const printer = createProgressPrinter();
  const run = await interruptible({ say: printer.message }, async ({ signal }) => {
    const found = await installLibtorch({ env, onProgress: printer.listener, signal });
    printer.stop();
    const [choice] = planAddon(env).choices;
    const fits =
      choice !== undefined &&
      (choice.kind === 'prebuilt' || isUpToDate(choice.addon, found, choice.metadata?.config ?? 'Release'));
    const wanted = !fits && (options.build ?? !env.skipBuild);
    if (wanted && found.variant !== 'cuda') await buildAddon(found, { signal });
    return { found, hint: wanted && found.variant === 'cuda' ? CUDA_ADDON : undefined };
  }).finally(printer.stop);
  if ('exitCode' in run) return run.exitCode;
  const { found, hint } = run.result;
  if (options.json) printJson(summary(found));
  else
    printText(
      `LibTorch ${found.version} (${variantName(found.variant)}) in ${found.root}, found by ${found.source}.`,
    );
  // LibTorch is there all the same, and was long in coming.
  if (hint !== undefined) say(hint);
  return exitCodes.ok;
}
