import { spawn } from 'node:child_process';

/**
 * Runs a program whose last line on stdout is JSON, and returns that. Each measurement has a process of its own, so
 * that none inherits the memory of another.
 */
export async function runForJson<T>(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<T> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${err.trim()}`);
  return JSON.parse(out.trim().split('\n').at(-1) ?? '') as T;
}
