import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { isRunning } from './launch';

const root = path.join(__dirname, '..', '..');
let launches = 0;

export interface LaunchedOptions {
  env?: Record<string, string>;
  /** Another program that starts it. */
  behind?: (line: readonly string[]) => readonly string[];
}

/** A `kappa launch` that really trains, as it is compiled, with its processes. */
export class LaunchedRun {
  readonly child: ChildProcess;
  /** Exit code, when it has ended. */
  readonly ended: Promise<number | null>;
  readonly #mark = `KAPPA_TEST_LAUNCH=${process.pid}-${launches++}`;
  #text = '';
  #hasEnded = false;

  /** @param args what follows `kappa launch` */
  constructor(
    args: readonly string[],
    { env = {}, behind = (line: readonly string[]) => line }: LaunchedOptions = {},
  ) {
    const [name = '', value] = this.#mark.split('=');
    const [program = '', ...rest] = behind([
      process.execPath,
      path.join('bin', 'kappa.js'),
      'launch',
      ...args,
    ]);
    this.child = spawn(program, rest, {
      cwd: root,
      env: { ...process.env, NO_COLOR: '1', ...env, [name]: value },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#text += text));
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code) => {
        this.#hasEnded = true;
        resolve(code);
      }),
    );
  }

  /** What its terminal shows. */
  get text(): string {
    return this.#text;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** All processes of it that run, by their number, with their rank; the launcher has none. */
  processes(): Map<number, number | undefined> {
    const found = new Map<number, number | undefined>();
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      let variables: string[];
      try {
        variables = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
      } catch {
        continue; // it has ended
      }
      if (!variables.includes(this.#mark) || !isRunning(Number(name))) continue;
      const rank = variables.find((variable) => variable.startsWith('RANK='));
      found.set(Number(name), rank === undefined ? undefined : Number(rank.slice(5)));
    }
    return found;
  }

  /** Process numbers of the ranks that run. */
  ranks(): Map<number, number> {
    const found = new Map<number, number>();
    for (const [pid, rank] of this.processes()) if (rank !== undefined) found.set(rank, pid);
    return found;
  }

  /** Waits until something is so. @throws Error with what the terminal shows, where the run ends before */
  async until(what: () => boolean, pause = 20): Promise<void> {
    while (!what()) {
      if (this.#hasEnded) throw new Error(`The run ended before:\n${this.#text}`);
      await sleep(pause);
    }
  }

  /** Ends all that is left of it. */
  kill(): void {
    for (const pid of this.processes().keys())
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
  }
}
