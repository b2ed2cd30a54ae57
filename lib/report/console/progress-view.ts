import { SingleBar, type Options } from 'cli-progress';

/** A stream that may be a terminal. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

export interface ProgressViewOptions {
  /** Seconds between lines where the stream is no terminal. Default 10. */
  readonly intervalSeconds?: number;
  /** A clock in milliseconds; only tests need another. */
  readonly now?: () => number;
}

/**
 * Shows how far long work has come: a bar on a terminal, else a line every few seconds. `stop` must be called in the
 * end, also after an error: a bar keeps a timer.
 */
export class ProgressView {
  readonly #stream: ProgressStream;
  readonly #text: () => string;
  readonly #intervalSeconds: number;
  readonly #now: () => number;
  #bar: SingleBar | undefined;
  #running = false;
  #first = 0;
  #done = 0;
  #total: number | undefined;
  #startedAt = 0;
  #printedAt = 0;
  /** Whether something happened since the last line. */
  #unseen = false;

  /**
   * @param stream where to show it, usually `process.stderr`
   * @param text says in one line how far the work has come; asked whenever that is shown
   */
  constructor(
    stream: ProgressStream,
    text: () => string,
    { intervalSeconds = 10, now = () => performance.now() }: ProgressViewOptions = {},
  ) {
    this.#stream = stream;
    this.#text = text;
    this.#intervalSeconds = intervalSeconds;
    this.#now = now;
  }

  /**
   * Begins, or begins anew.
   *
   * @param total how much there is to do, where that is known
   * @param done how much of it was done before
   */
  start(total: number | undefined, done = 0): void {
    this.stop();
    this.#total = total;
    this.#first = this.#done = done;
    this.#startedAt = this.#printedAt = this.#now();
    this.#unseen = false;
    this.#running = true;
    if (this.#stream.isTTY !== true) return;
    this.#bar = new SingleBar(this.#barOptions());
    this.#bar.start(total ?? 0, done);
  }

  /** Shows how much is done; does nothing before `start` and after `stop`. */
  update(done: number, total = this.#total): void {
    if (!this.#running) return;
    this.#done = done;
    this.#total = total;
    this.#unseen = true;
    if (this.#bar !== undefined) {
      this.#bar.setTotal(total ?? 0);
      this.#bar.update(done);
    } else if (this.#now() - this.#printedAt >= this.#intervalSeconds * 1000) this.#print();
  }

  /** Writes a line of text; a bar stays below it. */
  message(text: string): void {
    this.#bar?.stop();
    this.#stream.write(`${text}\n`);
    this.#bar?.start(this.#total ?? 0, this.#done);
  }

  /** Ends the display; a bar goes away. May be called twice. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#running = false;
  }

  /** Leaves the last state as a line, unless it was the last line already. */
  leaveLine(): void {
    if (this.#unseen) this.#print();
  }

  /** By the mean pace since `start`; NaN where that cannot be told. */
  get secondsLeft(): number {
    const done = this.#done - this.#first;
    if (done <= 0 || this.#total === undefined) return NaN;
    const seconds = (this.#now() - this.#startedAt) / 1000;
    return (seconds / done) * (this.#total - this.#done);
  }

  #print(): void {
    this.#printedAt = this.#now();
    this.#unseen = false;
    this.#stream.write(`${this.#text()}\n`);
  }

  #barOptions(): Options {
    return {
      stream: this.#stream,
      format: (options, { progress }) => {
        if (this.#total === undefined) return this.#text();
        const size = options.barsize ?? 20;
        const done = Math.max(0, Math.min(size, Math.round(progress * size)));
        return `[${'='.repeat(done)}${' '.repeat(size - done)}] ${this.#text()}`;
      },
      barsize: 20,
      fps: 5,
      // The text may change while the amount does not; whoever does the work handles signals; a killed process must
      // not leave the terminal without its cursor or its line wrapping.
      forceRedraw: true,
      gracefulExit: false,
      hideCursor: false,
      linewrap: true,
      clearOnComplete: true,
    };
  }
}
