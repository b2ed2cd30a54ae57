import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Lines kept of each process, for the report of a failure. */
const TAIL_LINES = 20;
const MAX_TAIL_LINE = 500;
/** A line that has not ended by then is passed on in pieces. */
const MAX_LINE = 1 << 16;

/** Which of a process's streams the terminal shows. */
export interface Shown {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Where several streams end together. It holds them up while it is full, and drops what comes once it is broken. */
export class Sink {
  readonly #target: Writable;
  readonly #paused = new Set<Readable>();
  readonly #onRoom = (): void => {
    for (const source of this.#paused) source.resume();
    this.#paused.clear();
  };

  constructor(target: Writable) {
    this.#target = target;
    for (const event of ['drain', 'close', 'error']) target.on(event, this.#onRoom);
  }

  write(text: string | Buffer, source: Readable): void {
    if (!this.#target.writable || this.#target.write(text)) return;
    source.pause();
    this.#paused.add(source);
  }

  /** Listens no more; what is held up goes on. */
  release(): void {
    for (const event of ['drain', 'close', 'error']) this.#target.off(event, this.#onRoom);
    this.#onRoom();
  }
}

/** Where the output of a process goes. */
export interface OutputTargets {
  /** The terminal, where it shows this stream. */
  readonly terminal: Sink | undefined;
  /** Put before each line there; empty passes everything on as it comes. */
  readonly prefix: string;
  /** A file that gets everything. */
  readonly file: string | undefined;
  /** The file cannot be written. */
  readonly onFileError: (error: Error) => void;
}

/** Reads one output stream of a process: to the terminal, into a file, and its last lines into memory. */
export class WorkerOutput {
  readonly #source: Readable;
  readonly #targets: OutputTargets;
  readonly #file: Writable | undefined;
  readonly #fileSink: Sink | undefined;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #tail: string[] = [];

  constructor(source: Readable, targets: OutputTargets) {
    this.#source = source;
    this.#targets = targets;
    if (targets.file !== undefined) {
      this.#file = openLog(targets.file, targets.onFileError);
      this.#fileSink = this.#file && new Sink(this.#file);
    }
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.once('close', () => this.#finish());
    // A pipe that breaks has ended.
    source.on('error', () => undefined);
  }

  /** The last lines, the one under way included. */
  tail(): string[] {
    const lines = [...this.#tail, ...(this.#rest === '' ? [] : [shortened(this.#rest)])];
    return lines.filter((line) => line.trim() !== '').slice(-TAIL_LINES);
  }

  #take(chunk: Buffer): void {
    const { terminal, prefix } = this.#targets;
    this.#fileSink?.write(chunk, this.#source);
    if (prefix === '') terminal?.write(chunk, this.#source);
    this.#split(this.#decoder.write(chunk));
  }

  #split(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_LINE) {
      lines.push(this.#rest);
      this.#rest = '';
    }
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    this.#tail.push(shortened(line));
    if (this.#tail.length > 2 * TAIL_LINES) this.#tail = this.#tail.slice(-TAIL_LINES);
    const { terminal, prefix } = this.#targets;
    if (prefix !== '') terminal?.write(`${prefix}${line}\n`, this.#source);
  }

  #finish(): void {
    this.#split(this.#decoder.end());
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
    this.#file?.end(() => this.#fileSink?.release());
  }
}

function shortened(line: string): string {
  // A bar that redraws itself: what one sees is what came last.
  const seen = line.slice(line.lastIndexOf('\r', line.length - 2) + 1);
  return seen.length > MAX_TAIL_LINE ? `${seen.slice(0, MAX_TAIL_LINE)}...` : seen;
}

function openLog(file: string, onError: (error: Error) => void): Writable | undefined {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
  } catch (error) {
    onError(error as Error);
    return undefined;
  }
  return createWriteStream(file).on('error', onError);
}
