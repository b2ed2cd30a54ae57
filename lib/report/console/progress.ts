import { ProgressView, type ProgressStream, type ProgressViewOptions } from './progress-view';
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
export interface ProgressOptions extends ProgressViewOptions {
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number;
  /** Epochs of the whole run. */
  readonly epochs: number;
}

/**
 * Shows the progress of training: a bar on a terminal, else a plain line every few seconds. `stop` must be called
 * in the end, also after an error: a bar keeps a timer.
 */
export class TrainingProgress {
  readonly #options: ProgressOptions;
  readonly #view: ProgressView;
  #state: ProgressState | undefined;
  #firstStep = 0;

  /** @param stream where to show it, usually `process.stderr` */
  constructor(stream: ProgressStream, options: ProgressOptions) {
    this.#options = options;
    this.#view = new ProgressView(stream, () => this.#text(), options);
  }

  /** @param step steps done before, in a resumed run */
  start(step = 0): void {
    this.#firstStep = step;
    this.#view.start(this.#options.totalSteps, step);
  }

  /** Shows the state after a step. */
  update(state: ProgressState): void {
    this.#state = state;
    this.#view.update(state.step);
  }

  /** Writes a line of text; a bar stays below it. */
  message(text: string): void {
    this.#view.message(text);
  }

  /** Ends the display and leaves the last state as a line. May be called twice. */
  stop(): void {
    this.#view.stop();
    this.#view.leaveLine();
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
    // By the mean pace of this process so far, verifications and checkpoints included.
    if (state.step < totalSteps) parts.push(`${formatSeconds(this.#view.secondsLeft)} left`);
    return parts.join(' | ');
  }
}
