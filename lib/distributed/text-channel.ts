import { setTimeout as delay } from 'node:timers/promises';

import { KappaError } from '../errors';
import type { ProcessGroupHandle } from '../native/contract';
import { submit } from '../native/submit';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

export interface TextChannelOptions {
  rank: number;
  worldSize: number;
  /** The group's handle, as long as there is one. */
  handle: () => ProcessGroupHandle;
  /** Tells the channels of a group apart. */
  name: string;
  /** Seconds that a rank is waited for. */
  timeout: number;
}

/**
 * Texts that the ranks of a run give each other through the store that they met at: beside whatever is computed and
 * exchanged meanwhile. Calls are matched by their order on each rank.
 */
export class TextChannel {
  readonly rank: number;
  readonly worldSize: number;
  readonly #options: TextChannelOptions;
  #rounds = 0;

  constructor(options: TextChannelOptions) {
    this.rank = options.rank;
    this.worldSize = options.worldSize;
    this.#options = options;
  }

  /**
   * Gives all ranks the texts of all, in the order of the ranks; nobody gets them before everybody has come.
   *
   * @throws KappaError `ERR_PEER`, `ERR_TIMEOUT` naming the rank that did not come
   */
  async gatherText(text: string): Promise<string[]> {
    const round = this.#rounds++;
    const handle = this.#options.handle();
    await submit((addon) => addon.groupPutText(handle, this.#key(round, this.rank), text));
    const all: string[] = [];
    const until = performance.now() + this.#options.timeout * 1000;
    for (let rank = 0; rank < this.worldSize; rank++) all.push(await this.#take(round, rank, until));
    // Everybody has come beyond the round before: nobody asks for it any more.
    if (round > 0) await submit((addon) => addon.groupForgetText(handle, this.#key(round - 1, this.rank)));
    return all;
  }

  #key(round: number, rank: number): string {
    return `${this.#options.name}/${round}/${rank}`;
  }

  async #take(round: number, rank: number, until: number): Promise<string> {
    const handle = this.#options.handle();
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const text = await submit((addon) => addon.groupTakeText(handle, this.#key(round, rank)));
      if (text !== null) return text;
      if (performance.now() > until)
        throw new KappaError(
          'ERR_TIMEOUT',
          `Rank ${this.rank} of ${this.worldSize} waited ${this.#options.timeout} s for rank ${rank} (${this.#options.name}), which did not come: it hangs, is stopped, or its machine is cut off.`,
        );
      await delay(pause);
    }
  }
}
