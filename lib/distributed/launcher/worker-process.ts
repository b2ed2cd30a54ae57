import { spawn, type ChildProcess } from 'node:child_process';
import { readLinkMessage } from './link-messages';
import type { WorkerFailure } from './messages';
import { WorkerOutput, type OutputTargets } from './output';

/** How long the output of a process that has ended is waited for: a program that it started may keep it open. */
const OUTPUT_MS = 1_000;

export interface WorkerOptions {
  readonly rank: number;
  readonly nodeRank: number;
  readonly host: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: OutputTargets;
  readonly stderr: OutputTargets;
  /** It told of an error, and may go on for a while. */
  readonly onReport: () => void;
  /** It is gone, with all that it started; called once. */
  readonly onEnd: () => void;
}

/** How a process ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started. */
  readonly error?: Error;
}

/**
 * One process of a run. It leads a process group of its own: a terminal's Ctrl-C does not reach it, and what it started
 * goes with it. It has a channel to this process, by which it learns that its launcher is gone (worker-link.ts).
 */
export class WorkerProcess {
  readonly rank: number;
  readonly #options: WorkerOptions;
  readonly #child: ChildProcess;
  readonly #outputs: { stdout?: WorkerOutput; stderr?: WorkerOutput } = {};
  #end: WorkerEnd | undefined;
  #failedAt: number | undefined;
  #reported: { code?: string; message: string } | undefined;
  #step: number | undefined;
  /** Whether it was told to end after it had reported. */
  #wasTold = false;

  constructor(options: WorkerOptions) {
    this.rank = options.rank;
    this.#options = options;
    const [program = '', ...args] = options.command;
    this.#child = spawn(program, args, {
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    for (const name of ['stdout', 'stderr'] as const) {
      const stream = this.#child[name];
      if (stream) this.#outputs[name] = new WorkerOutput(stream, options[name]);
    }
    this.#child.on('message', (value) => this.#read(value));
    this.#child.once('error', (error) => this.#ended({ code: null, signal: null, error }));
    this.#child.once('exit', (code, signal) => this.#ended({ code, signal }));
  }

  /** How it ended; undefined while it runs. */
  get end(): WorkerEnd | undefined {
    return this.#end;
  }

  /** Whether it told of an error. */
  get hasReported(): boolean {
    return this.#reported !== undefined;
  }

  /** Sends a signal to the process itself. */
  signal(name: NodeJS.Signals): void {
    if (this.#end !== undefined) return;
    this.#wasTold ||= this.hasReported;
    this.#child.kill(name);
  }

  /** Ends the process and all that it started, at once. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The group is gone already.
    }
  }

  /** What there is to say of it as the one that failed. */
  failure(): WorkerFailure {
    const stderr = this.#outputs.stderr?.tail() ?? [];
    return {
      rank: this.rank,
      nodeRank: this.#options.nodeRank,
      host: this.#options.host,
      pid: this.#child.pid ?? 0,
      ...(this.#reported === undefined ? {} : this.#reported),
      // How an end came that it was told to make says nothing.
      ended: endText(this.#wasTold ? undefined : this.#end),
      ...(this.#step === undefined ? {} : { step: this.#step }),
      tail: stderr.length > 0 ? stderr : (this.#outputs.stdout?.tail() ?? []),
      age: performance.now() - (this.#failedAt ?? performance.now()),
    };
  }

  #read(value: unknown): void {
    const message = readLinkMessage(value);
    if (message?.kappa === 'progress') this.#step = message.step;
    if (message?.kappa !== 'failure' || this.#reported !== undefined) return;
    const { code, message: text } = message;
    this.#reported = { ...(code === undefined ? {} : { code }), message: text };
    this.#failedAt ??= performance.now();
    this.#options.onReport();
  }

  #ended(end: WorkerEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#failedAt ??= performance.now();
    // What it started and left behind would be an orphan.
    this.kill();
    const finish = (): void => {
      clearTimeout(timer);
      this.#child.off('close', finish);
      this.#child.stdout?.destroy();
      this.#child.stderr?.destroy();
      this.#options.onEnd();
    };
    const timer = setTimeout(finish, OUTPUT_MS);
    if (end.error) finish();
    else this.#child.once('close', finish);
  }
}

function endText(end: WorkerEnd | undefined): string {
  if (end === undefined) return 'it told of an error';
  if (end.error) return `it could not be started (${end.error.message})`;
  if (end.signal === 'SIGKILL')
    return 'killed by SIGKILL, as by the system where memory is short, or by hand';
  return end.signal === null ? `exit code ${end.code}` : `killed by ${end.signal}`;
}
