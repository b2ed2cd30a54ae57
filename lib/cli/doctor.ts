import { readEnv } from '../libtorch/env';
import { checkCmake, checkCompiler } from '../libtorch/build/tools';
import type { Check } from '../libtorch/build/tools';
import {
  checkAddon,
  checkCuda,
  checkDisk,
  checkLibtorch,
  checkMachine,
  checkNode,
  checkPackage,
  checkPython,
} from '../libtorch/doctor';

/** Tools that are needed to build only hurt where there is something to build. */
function neededToBuild(check: Check, addonWorks: boolean): Check {
  return check.status === 'missing' && addonWorks ? { ...check, status: 'warning' } : check;
}

/** Looks at everything that kappaface needs on this machine. */
export async function diagnose(): Promise<Check[]> {
  const env = readEnv();
  const { check: libtorch, found } = await checkLibtorch(env);
  const addon = await checkAddon(found);
  const addonWorks = addon.status !== 'missing';
  return [
    checkNode(),
    await checkPackage('sharp'),
    await checkPackage('@julusian/jpeg-turbo'),
    await checkPython(env),
    neededToBuild(await checkCmake(), addonWorks),
    neededToBuild(await checkCompiler(env.cxx), addonWorks),
    libtorch,
    addon,
    ...checkMachine(),
    checkDisk(env, found === undefined),
    await checkCuda(found),
  ];
}

function formatCheck({ name, status, detail, remedy }: Check, width: number): string {
  const line = `${status.padEnd(8)} ${name.padEnd(width)} ${detail}`;
  return remedy === undefined ? line : `${line}\n${' '.repeat(width + 10)}what to do: ${remedy}`;
}

/**
 * `kappa doctor`: prints what is installed, what is missing and what to do. The exit code is 1 where something that
 * is needed is missing.
 */
export async function doctorCommand(options: { json?: boolean } = {}): Promise<void> {
  const checks = await diagnose();
  const ok = checks.every(({ status }) => status !== 'missing');
  if (options.json) process.stdout.write(`${JSON.stringify({ ok, checks })}\n`);
  else {
    const width = Math.max(...checks.map(({ name }) => name.length));
    const verdict = ok ? 'Everything that is needed is there.' : 'Something that is needed is missing.';
    process.stdout.write(`${checks.map((check) => formatCheck(check, width)).join('\n')}\n\n${verdict}\n`);
  }
  if (!ok) process.exitCode = 1;
}
