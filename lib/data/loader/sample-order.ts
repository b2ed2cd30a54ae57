import { Xoshiro128, shuffle } from '../../random';

/** A stretch of a dataset's samples with the weight of its draws. */
export interface WeightedRange {
  /** Its first sample. */
  start: number;
  /** Number of its samples. */
  length: number;
  /** How many times an epoch draws each of them, on average. */
  weight: number;
}

/** Says which sample stands at each position of an epoch. */
export interface SampleOrder {
  /** Positions of an epoch, the same in all epochs. */
  readonly length: number;
  /** @param position 0 to length - 1 */
  at(epoch: number, position: number): number;
}

/** Number of draws from a range in each epoch: weight times its samples, rounded, at least one. */
export function drawsPerEpoch({ length, weight }: WeightedRange): number {
  return length === 0 ? 0 : Math.max(1, Math.round(length * weight));
}

/** A part of a cycle through `length` things: positions [from, end) of it. */
export interface CyclePart {
  cycle: number;
  from: number;
  end: number;
}

/**
 * The parts of cycles that an epoch draws. Cycle after cycle goes through all things once; epoch e has the e-th stretch
 * of `draws` things of that endless row, so that over a run all are drawn equally often, give or take one.
 */
export function cycleParts(epoch: number, draws: number, length: number): CyclePart[] {
  const parts: CyclePart[] = [];
  const last = (epoch + 1) * draws;
  for (let at = epoch * draws; at < last;) {
    const from = at % length;
    const end = Math.min(length, from + last - at);
    parts.push({ cycle: (at - from) / length, from, end });
    at += end - from;
  }
  return parts;
}

/** The random numbers of a cycle through a range; the words set them apart from those of an epoch. */
export function cycleRandom(seed: number, range: number, cycle: number): Xoshiro128 {
  return Xoshiro128.fromSeed(seed, cycle, range, 0xc7c1e);
}

/** All draws of an epoch in one random order, or in that of the dataset. */
export class WholeOrder implements SampleOrder {
  readonly length: number;
  readonly #ranges: readonly WeightedRange[];
  readonly #seed: number;
  readonly #shuffled: boolean;
  #order = new Uint32Array(0);
  #epoch = -1;

  constructor(ranges: readonly WeightedRange[], seed: number, shuffled: boolean) {
    this.#ranges = ranges;
    this.#seed = seed;
    this.#shuffled = shuffled;
    this.length = ranges.reduce((sum, range) => sum + drawsPerEpoch(range), 0);
  }

  at(epoch: number, position: number): number {
    if (epoch !== this.#epoch) this.#draw(epoch);
    return this.#order[position]!;
  }

  #draw(epoch: number): void {
    if (this.#order.length !== this.length) this.#order = new Uint32Array(this.length);
    let at = 0;
    for (const [r, range] of this.#ranges.entries())
      for (const { cycle, from, end } of cycleParts(epoch, drawsPerEpoch(range), range.length)) {
        const drawn = this.#order.subarray(at, at + end - from);
        const isWhole = drawn.length === range.length;
        if (isWhole || !this.#shuffled)
          for (let i = 0; i < drawn.length; i++) drawn[i] = range.start + from + i;
        else drawn.set(this.#cycle(r, cycle).subarray(from, end));
        at += drawn.length;
      }
    if (this.#shuffled) shuffle(this.#order, Xoshiro128.fromSeed(this.#seed, epoch));
    this.#epoch = epoch;
  }

  /** The samples of a range in the order of one of its cycles. */
  #cycle(r: number, cycle: number): Uint32Array {
    const { start, length } = this.#ranges[r]!;
    const samples = new Uint32Array(length);
    for (let i = 0; i < length; i++) samples[i] = start + i;
    shuffle(samples, cycleRandom(this.#seed, r, cycle));
    return samples;
  }
}
