import { spawn, spawnSync } from 'node:child_process';
import { KappaError } from '../errors';

/** How a child process ended. */
export interface ChildResult {
  /** Exit code; null where a signal ended it or it could not be started. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Options of {@link runChild}. */
export interface ChildOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  signal?: AbortSignal;
  /** Milliseconds after which the child is ended. Default: none. */
  timeoutMs?: number;
  /** Called for each line on stdout or stderr. */
  onLine?: (line: string) => void;
}

/**
 * Runs a program without a shell and collects what it says; a failure to start is a result too (code null).
 *
 * @throws KappaError `ERR_CANCELLED` where `signal` fired; the child is dead by then
 */
export function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildResult> {
  const { signal, timeoutMs, onLine } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const texts = { stdout: '', stderr: '' };
    const listen = (name: 'stdout' | 'stderr'): void => {
      let rest = '';
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        texts[name] += chunk;
        const lines = (rest + chunk).split(/\r?\n|\r/);
        rest = lines.pop() ?? '';
        for (const line of lines) onLine?.(line);
      });
    };
    listen('stdout');
    listen('stderr');
    const abort = (): void => void child.kill('SIGKILL');
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    // Not spawn's own timeout: its timer outlives a program that could not be started, and holds up the exit.
    const timer = timeoutMs === undefined ? undefined : setTimeout(abort, timeoutMs);
    const finish = (code: number | null, failure?: Error): void => {
      signal?.removeEventListener('abort', abort);
      clearTimeout(timer);
      if (signal?.aborted) reject(new KappaError('ERR_CANCELLED', `${command} was cancelled.`));
      else resolve({ code, stdout: texts.stdout, stderr: failure ? failure.message : texts.stderr });
    };
    child.once('error', (error) => finish(null, error));
    child.once('close', (code) => finish(code));
  });
}

/** As {@link runChild}, for where nothing can wait: the addon is loaded in the middle of a call. */
export function runChildSync(
  command: string,
  args: readonly string[],
  { env, cwd, timeoutMs }: Pick<ChildOptions, 'env' | 'cwd' | 'timeoutMs'> = {},
): ChildResult {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    env: env ?? process.env,
    cwd,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  return { code: status, stdout: stdout ?? '', stderr: error ? error.message : stderr };
}
