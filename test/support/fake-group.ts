import assert from 'node:assert/strict';

import { Tensor } from '../../lib';
import type { RankGroup } from '../../lib/distributed/rank-group';

/** Where ranks of one process meet: what each gives goes to all of them, when the last one has come. */
class Meeting {
  #given = new Map<number, Tensor>();
  #meet!: (all: Tensor[]) => void;
  #met!: Promise<Tensor[]>;

  constructor(readonly worldSize: number) {
    this.#begin();
  }

  #begin(): void {
    this.#given = new Map();
    this.#met = new Promise((resolve) => (this.#meet = resolve));
  }

  async exchange(rank: number, given: Tensor): Promise<Tensor[]> {
    assert.ok(!this.#given.has(rank), `rank ${rank} comes twice to one meeting`);
    this.#given.set(rank, given);
    const met = this.#met;
    if (this.#given.size === this.worldSize) {
      const all = Array.from({ length: this.worldSize }, (_, r) => this.#given.get(r)!);
      const meet = this.#meet;
      this.#begin();
      meet(all);
    }
    return met;
  }
}

/** The group of each rank, all in this process. What goes through the addon cannot be done with them. */
export function fakeGroups(worldSize: number): RankGroup[] {
  const meeting = new Meeting(worldSize);
  return Array.from({ length: worldSize }, (_, rank) => ({
    rank,
    worldSize,
    get handle(): never {
      throw new Error('A fake group has no native side.');
    },
    // Calls are queued before any of the ranks goes on and may dispose of what it gave.
    async allGather(rows) {
      return Tensor.cat(await meeting.exchange(rank, rows));
    },
    async allReduce(values, operation = 'sum') {
      const all = Tensor.stack(await meeting.exchange(rank, values));
      const reduce = { sum: 'sum', maximum: 'max', minimum: 'min' } as const;
      await values.copyFrom(await all[reduce[operation]](0));
    },
  }));
}
