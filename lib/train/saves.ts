import type { PendingCheckpoint } from '../run/checkpoint';
import { alone, type Peers } from '../run/peers';

/** The checkpoints of a run on their way to the disk: one at a time, beside training. */
export class Saves {
  /** Those who make them together. */
  readonly peers: Peers;
  #underWay: Promise<void> = Promise.resolve();
  #failures: unknown[] = [];
  /** Whether it was said that memory is too short to write beside training. */
  isShortageTold = false;

  constructor(peers: Peers = alone) {
    this.peers = peers;
  }

  /**
   * Takes over a checkpoint that is being written.
   *
   * @param onWritten what is to be done when it is on the disk; a failure of that counts as one of the checkpoint
   */
  follow({ written }: PendingCheckpoint, onWritten: () => Promise<void>): void {
    this.#underWay = written.then(onWritten).catch((error: unknown) => void this.#failures.push(error));
  }

  /** @throws what the last checkpoint failed with, if nobody has heard of it yet */
  check(): void {
    if (this.#failures.length > 0) throw this.#failures.shift();
  }

  /** Waits until nothing is on its way. @throws as {@link check} */
  async settled(): Promise<void> {
    await this.#underWay;
    this.check();
  }
}
