import { Timers } from './timers';
import type { LauncherTimes } from './times';

export interface GatheringEvents {
  /** All that may come are here, or enough, and the last call is over. */
  onComplete: () => void;
  /** Too few came in time. */
  onMissed: () => void;
}

/** Waits for the nodes of a round: for all, or for the least number and a last call after it. */
export class Gathering {
  readonly #nodes: { readonly min: number; readonly max: number };
  readonly #times: LauncherTimes;
  readonly #events: GatheringEvents;
  readonly #timers = new Timers<'join' | 'lastCall'>();

  constructor(
    nodes: { readonly min: number; readonly max: number },
    times: LauncherTimes,
    events: GatheringEvents,
  ) {
    this.#nodes = nodes;
    this.#times = times;
    this.#events = events;
  }

  /** So many nodes are here now. */
  count(here: number): void {
    const { min, max } = this.#nodes;
    if (here >= min) this.#timers.clear('join');
    else {
      this.#timers.clear('lastCall');
      if (!this.#timers.has('join')) this.#timers.after('join', this.#times.join, this.#events.onMissed);
    }
    if (here >= max) this.#complete();
    else if (here >= min && !this.#timers.has('lastCall'))
      this.#timers.after('lastCall', this.#times.lastCall, () => this.#complete());
  }

  /** Waits no more. */
  stop(): void {
    this.#timers.clear();
  }

  #complete(): void {
    this.stop();
    this.#events.onComplete();
  }
}
