import { SingleBar, type Options } from 'cli-progress';
import { formatNumber, formatSeconds } from './text';

/** Where training stands after an optimizer step. */
export interface ProgressState {
  /** Steps done since the run's very first one. */
  readonly step: number;
  /** The epoch of that step, counted from 0. */
  readonly epoch: number;
  /** Loss of the step; NaN or infinity if it was skipped. */
  readonly loss: number;
  /** Learning rate of the step. */
  readonly lr: number;
  /** Images a second, lately. */
  readonly imagesPerSecond: number;
  /** The margins psi * m0 of the classes, where the head has any. */
  readonly margins?: { readonly min: number; readonly mean: number; readonly max: number };
}

/** What a progress display needs to know of a run. */
export interface ProgressOptions {
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  /** Epochs of the whole run. */
  readonly epochs: number;
  /** Seconds between lines where the stream is no terminal. Default 10. */
  readonly intervalSeconds?: number;
  /** A clock in milliseconds; only tests need another. */
  readonly now?: () => number;
}

/** A stream that may be a terminal. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

/**
 * Shows the progress of training: a bar on a terminal, else a plain line every few seconds. `stop` must be called
 * in the end, also after an error: a bar keeps a timer.
 */
export class TrainingProgress {
  readonly #stream: ProgressStream;
  readonly #options: ProgressOptions;
  readonly #now: () => number;
  #bar: SingleBar | undefined;
  #running = false;
  #state: ProgressState | undefined;
  #firstStep = 0;
  #startedAt = 0;
  #printedAt = 0;
  #printedStep = -1;

  /** @param stream where to show it, usually `process.stderr` */
  constructor(stream: ProgressStream, options: ProgressOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** @param step steps done before, in a resumed run */
  start(step = 0): void {
    this.#firstStep = step;
    this.#startedAt = this.#printedAt = this.#now();
    this.#running = true;
    if (this.#stream.isTTY !== true) return;
    this.#bar = new SingleBar(this.#barOptions());
    this.#bar.start(this.#options.totalSteps, step);
  }

  /** Shows the state after a step. */
  update(state: ProgressState): void {
    if (!this.#running) return;
    this.#state = state;
    if (this.#bar !== undefined) {
      this.#bar.update(state.step);
      return;
    }
    const due = this.#now() - this.#printedAt >= (this.#options.intervalSeconds ?? 10) * 1000;
    if (due) this.#printState();
  }

  /** Writes a line of text; a bar stays below it. */
  message(text: string): void {
    const bar = this.#running ? this.#bar : undefined;
    bar?.stop();
    this.#stream.write(`${text}\n`);
    bar?.start(this.#options.totalSteps, this.#state?.step ?? this.#firstStep);
  }

  /** Ends the display and leaves the last state as a line. May be called twice. */
  stop(): void {
    if (!this.#running) return;
    this.#bar?.stop();
    this.#running = false;
    if (this.#state !== undefined && this.#state.step !== this.#printedStep) this.#printState();
  }

  #printState(): void {
    this.#printedAt = this.#now();
    this.#printedStep = this.#state?.step ?? -1;
    this.#stream.write(`${this.#text()}\n`);
  }

  #barOptions(): Options {
    return {
      stream: this.#stream,
      format: (options, { progress }) => {
        const size = options.barsize ?? 20;
        const done = Math.max(0, Math.min(size, Math.round(progress * size)));
        return `[${'='.repeat(done)}${' '.repeat(size - done)}] ${this.#text()}`;
      },
      barsize: 20,
      fps: 5,
      // The state may change while the step does not; the run itself handles signals; a killed run must not
      // leave the terminal without its cursor or its line wrapping.
      forceRedraw: true,
      gracefulExit: false,
      hideCursor: false,
      linewrap: true,
      clearOnComplete: true,
    };
  }

  #text(): string {
    const { totalSteps, epochs } = this.#options;
    const state = this.#state;
    if (state === undefined) return `step ${this.#firstStep}/${totalSteps}`;
    const { margins } = state;
    const parts = [
      `epoch ${state.epoch + 1}/${epochs}`,
      `step ${state.step}/${totalSteps}`,
      `loss ${formatNumber(state.loss)}`,
      `lr ${formatNumber(state.lr)}`,
      `${state.imagesPerSecond.toFixed(state.imagesPerSecond < 10 ? 1 : 0)} img/s`,
    ];
    if (margins !== undefined)
      parts.push(`margin ${margins.mean.toFixed(2)} (${margins.min.toFixed(2)}-${margins.max.toFixed(2)})`);
    if (state.step < totalSteps) parts.push(`${formatSeconds(this.#secondsLeft(state.step))} left`);
    return parts.join(' | ');
  }

  /** By the mean pace of this process so far, verifications and checkpoints included. */
  #secondsLeft(step: number): number {
    const done = step - this.#firstStep;
    if (done <= 0) return NaN;
    const seconds = (this.#now() - this.#startedAt) / 1000;
    return (seconds / done) * (this.#options.totalSteps - step);
  }
}
