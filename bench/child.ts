import { spawn } from 'node:child_process';
import path from 'node:path';

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

/** What Node has to run for the cases of a benchmark's folder, from the sources as where they have been compiled. */
export function caseScript(folder: string): string[] {
  const extension = path.extname(__filename);
  const loader = extension === '.ts' ? ['-r', 'ts-node/register/transpile-only'] : [];
  return [...loader, path.join(folder, `case${extension}`)];
}
