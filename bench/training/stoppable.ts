import { spawn, type ChildProcess } from 'node:child_process';
import readline from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

import type { StepTaken } from './case';

/** Seconds of the clock that a step's `at` is of. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/**
 * A process that is stopped except while it is looked at: to start one takes longer than a measurement, and machines
 * drift meanwhile.
 */
export class StoppableProcess {
  protected readonly child: ChildProcess;
  #error: string | undefined;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
    this.child.on('error', (error) => (this.#error = error.message));
    this.child.on(
      'close',
      (code, signal) => (this.#error ??= `it ended with ${code ?? signal}:\n${said.trim()}`),
    );
  }

  resume(): void {
    this.check();
    this.child.kill('SIGCONT');
  }

  stop(): void {
    this.child.kill('SIGSTOP');
  }

  end(): void {
    this.child.kill('SIGKILL');
  }

  /** Throws where the process is no more. */
  protected check(): void {
    if (this.#error !== undefined) throw new Error(`A process of the benchmark failed: ${this.#error}`);
  }
}

/** What was done in a window. */
export interface Window {
  steps: number;
  /** Seconds from the end of the first step in the window to that of the last. */
  seconds: number;
  faults: number[];
}

/** A process that says a {@link StepTaken} after each step. */
export class StepProcess extends StoppableProcess {
  readonly #taken: StepTaken[] = [];

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    super(args, env);
    readline
      .createInterface({ input: this.child.stdout! })
      .on('line', (line) => this.#taken.push(JSON.parse(line) as StepTaken));
  }

  get peakBytes(): number {
    return this.#taken.at(-1)?.peakBytes ?? NaN;
  }

  /** Lets it run until it has taken so many steps, and stops it. */
  async warmUp(steps: number): Promise<void> {
    for (; this.#taken.length < steps; await delay(100)) this.check();
    this.stop();
  }

  /** Lets it run so many seconds and, from then on, looks at it for as many as are wanted, at least three steps. */
  async look(settle: number, seconds: number): Promise<Window> {
    this.resume();
    const since = now() + settle;
    const inWindow = (): StepTaken[] => this.#taken.filter(({ at }) => at >= since);
    await delay((settle + seconds) * 1000);
    for (; inWindow().length < 3; await delay(20)) this.check();
    this.stop();
    const steps = inWindow();
    return {
      steps: steps.length - 1,
      seconds: steps.at(-1)!.at - steps[0]!.at,
      faults: steps.map(({ faults }) => faults),
    };
  }
}
