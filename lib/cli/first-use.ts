import { createInterface } from 'node:readline/promises';
import type { LibtorchEnv } from '../libtorch/env';
import { interruptible } from './interruption';
import { say } from './output';

/**
 * Sees to it that a command that computes finds LibTorch, which is too large to come with the package. Where it is all that
 * is missing, it is fetched: at once with `--yes` or in CI, on a terminal after a question. Where something else is missing,
 * loading the addon says so.
 *
 * @param where what is looked at and who is asked; default this machine, and whoever sits at its terminal
 * @returns the exit code where Ctrl-C ended the download
 * @throws KappaError ERR_LIBTORCH_NOT_FOUND where it is missing and may not be fetched, or could not be
 */
export async function ensureLibtorch(
  { yes = false }: { yes?: boolean },
  where: { env?: LibtorchEnv; root?: string; ask?: (question: string) => Promise<boolean> } = {},
): Promise<number | undefined> {
  const { planAddon } = await import('../libtorch/addon/plan');
  const { readEnv } = await import('../libtorch/env');
  const { env = readEnv(), root, ask = agrees } = where;
  const plan = planAddon(env, root);
  const onlyLibtorch =
    plan.choices.length === 0 && plan.search?.found === undefined && plan.missingPackage === undefined;
  if (!onlyLibtorch) return undefined;

  const { addonError } = await import('../native/require-addon');
  const { cacheFolder } = await import('../libtorch/cache');
  const { libtorchName } = await import('../libtorch/addon/fit');
  const { DOWNLOAD_SIZES } = await import('../libtorch/versions');
  const what = `LibTorch ${libtorchName(env)}`;
  const size = DOWNLOAD_SIZES[env.variant];
  if (yes || env.ci)
    say(`${what} is not on this machine: fetching it into ${cacheFolder(env)} (${size}) ...`);
  else if (!(await ask(`${what} is not on this machine. Fetch it into ${cacheFolder(env)} (${size})?`)))
    throw addonError(plan);

  const { installLibtorch } = await import('../libtorch/install');
  const { createProgressPrinter } = await import('./install-progress');
  const printer = createProgressPrinter();
  const run = await interruptible({ say: printer.message }, ({ signal }) =>
    installLibtorch({ env, onProgress: printer.listener, signal }),
  ).finally(printer.stop);
  return 'exitCode' in run ? run.exitCode : undefined;
}

/** Asks on the terminal; without one nobody agrees. */
async function agrees(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [Y/n] `);
    return /^\s*(y|yes)?\s*$/i.test(answer);
  } finally {
    terminal.close();
  }
}
