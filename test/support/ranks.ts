import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';

import { freePort } from '../../lib/distributed/launcher/addresses';

/** What became of a rank. */
export interface RankOutcome {
  result?: unknown;
  error?: { code?: string; message: string; stack?: string };
}

/** Starts ranks in processes of their own, each of which calls an exported function with its group and the options. */
export async function startRanks(
  worldSize: number,
  module: string,
  name: string,
  options: Record<string, unknown> = {},
): Promise<{ processes: ChildProcess[]; outcomes: Promise<RankOutcome[]> }> {
  const port = await freePort();
  const processes = Array.from({ length: worldSize }, (_, rank) =>
    fork(path.join(__dirname, 'ranks-child.js'), [module, name, JSON.stringify(options)], {
      env: { ...process.env, RANK: `${rank}`, WORLD_SIZE: `${worldSize}`, MASTER_PORT: `${port}` },
    }),
  );
  const outcomes = Promise.all(
    processes.map(
      (child) =>
        new Promise<RankOutcome>((resolve) => {
          let outcome: RankOutcome | undefined;
          child.on('message', (message) => (outcome = message as RankOutcome));
          child.on('exit', (code, signal) =>
            resolve(outcome ?? { error: { message: `ended with ${signal ?? code}` } }),
          );
        }),
    ),
  );
  return { processes, outcomes };
}

/** What a function gives on each of several ranks. @throws the error of the first rank that failed */
export async function onRanks<T>(
  worldSize: number,
  module: string,
  name: string,
  options: Record<string, unknown> = {},
): Promise<T[]> {
  const { outcomes } = await startRanks(worldSize, module, name, options);
  const all = await outcomes;
  const failed = all.find(({ error }) => error);
  if (failed?.error)
    throw new Error(
      all.map(({ error }, rank) => `rank ${rank}: ${error?.stack ?? error?.message ?? 'well'}`).join('\n'),
    );
  return all.map(({ result }) => result as T);
}
