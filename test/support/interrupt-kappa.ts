import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');

export interface Interrupted {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Starts Node with a script, from the sources, and sends it a signal as soon as something is so.
 *
 * @param script JavaScript that runs in the repository's root
 * @param when asked every few milliseconds, with what the process has written to stderr so far
 */
export function interruptScript(
  script: string,
  args: readonly string[],
  when: (stderr: string) => boolean,
  { signal = 'SIGINT' as NodeJS.Signals, env = {} as Record<string, string> } = {},
): Promise<Interrupted> {
  return new Promise((resolve, reject) => {
    const tsNode = require.resolve('ts-node/register/transpile-only');
    const child = spawn(process.execPath, ['-r', tsNode, '-e', script, 'kappa', ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
    const timer = setInterval(() => {
      if (!when(texts.stderr)) return;
      clearInterval(timer);
      child.kill(signal);
    }, 5);
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(timer);
      resolve({ code, ...texts });
    });
  });
}

/** Starts `kappa` with arguments and sends it a signal, see {@link interruptScript}. */
export function interruptKappa(
  args: readonly string[],
  when: (stderr: string) => boolean,
  options: { signal?: NodeJS.Signals; env?: Record<string, string> } = {},
): Promise<Interrupted> {
  return interruptScript(`require('./lib/cli/main').main()`, args, when, options);
}
