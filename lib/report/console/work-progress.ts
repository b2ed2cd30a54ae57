import { ProgressView, type ProgressStream, type ProgressViewOptions } from './progress-view';
import { formatSeconds } from './text';

export interface WorkProgressOptions extends ProgressViewOptions {
  /** How an amount reads, like `12 MB`. By default the number itself. */
  readonly amount?: (value: number) => string;
}

/**
 * Shows the progress of work that counts: `Packing images: 512 of 20000, 3m 07s left`. A title that has not been seen
 * begins a piece of work of its own.
 */
export class WorkProgress {
  readonly #view: ProgressView;
  readonly #amount: (value: number) => string;
  #title: string | undefined;
  #done = 0;
  #total: number | undefined;

  /** @param stream where to show it, usually `process.stderr` */
  constructor(stream: ProgressStream, { amount = String, ...options }: WorkProgressOptions = {}) {
    this.#amount = amount;
    this.#view = new ProgressView(stream, () => this.#text(), options);
  }

  /** @param total absent where it is not known */
  update(title: string, done: number, total?: number): void {
    this.#done = done;
    this.#total = total;
    if (title !== this.#title) {
      this.#title = title;
      // The pace counts from here: what was done before may have gone at another one.
      this.#view.start(total, done);
    }
    this.#view.update(done, total);
  }

  /** Writes a line of text; a bar stays below it. */
  message(text: string): void {
    this.#view.message(text);
  }

  /** Ends the display; an update begins anew. May be called twice. */
  stop(): void {
    this.#title = undefined;
    this.#view.stop();
  }

  #text(): string {
    const done = this.#amount(this.#done);
    if (this.#total === undefined) return `${this.#title}: ${done}`;
    const left = this.#view.secondsLeft;
    const time = Number.isFinite(left) ? `, ${formatSeconds(left)} left` : '';
    return `${this.#title}: ${done} of ${this.#amount(this.#total)}${time}`;
  }
}
