import { spawn, type ChildProcess } from 'node:child_process';
import readline from 'node:readline';

/** What a worker says of a case that it could not measure. */
export interface CaseFailure {
  error: string;
}

/**
 * A program that measures one case after another: a line of JSON in, a line of JSON out. Starting one, with its
 * libraries and its context on a GPU, takes longer than most cases.
 */
export class CaseWorker {
  readonly #command: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #waiting: ((answer: string | undefined) => void) | undefined;
  #errors = '';

  constructor(command: string, args: readonly string[]) {
    this.#command = command;
    this.#args = args;
  }

  /** Measures a case; a program that takes longer than so many seconds, or ends, is started anew for the next. */
  async ask<T>(question: object, seconds: number): Promise<T | CaseFailure> {
    const child = (this.#child ??= this.#start());
    const answer = new Promise<string | undefined>((resolve) => (this.#waiting = resolve));
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.close();
    }, seconds * 1000);
    // Where it has ended already there is no one to write to; the answer then says so.
    child.stdin?.write(`${JSON.stringify(question)}\n`, () => undefined);
    const line = await answer;
    clearTimeout(timer);
    if (line !== undefined) return JSON.parse(line) as T | CaseFailure;
    return { error: late ? `no answer in ${seconds.toFixed(0)} s` : this.#errors.trim().slice(-600) };
  }

  /** Ends the program. */
  close(): void {
    this.#child?.kill('SIGKILL');
  }

  #start(): ChildProcess {
    const child = spawn(this.#command, this.#args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#errors = '';
    child.stdin.on('error', () => undefined);
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (this.#errors = (this.#errors + text).slice(-4000)));
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.#answer(line);
    });
    child.on('error', (error) => (this.#errors += error.message));
    child.on('close', () => {
      this.#child = undefined;
      this.#answer(undefined);
    });
    return child;
  }

  #answer(line: string | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(line);
  }
}
