import { range } from '../number-arrays';
import { Xoshiro128, shuffle } from '../../random';
import { cycleParts, cycleRandom, drawsPerEpoch, type SampleOrder, type WeightedRange } from './sample-order';

/** Consecutive samples that are drawn together: [start, end). */
export interface SampleBlock {
  start: number;
  end: number;
}

export interface BlockOrderOptions {
  seed: number;
  /** Samples of a block. */
  blockSize: number;
  /** Blocks that are shuffled together. */
  windowBlocks: number;
}

interface Window {
  epoch: number;
  number: number;
  samples: Uint32Array;
}

const WINDOW_WORD = 0xb10c;

/**
 * The order of an epoch for disks that are slow at random places: the dataset is cut into blocks of consecutive
 * samples, the blocks are shuffled, and the samples of each window of blocks are shuffled among themselves. Only the
 * list of blocks and two windows are in memory, whatever the number of samples.
 */
export class BlockOrder implements SampleOrder {
  readonly length: number;
  readonly #ranges: readonly WeightedRange[];
  readonly #options: BlockOrderOptions;
  #epoch = -1;
  /** The epoch's blocks in their order. */
  #starts = new Uint32Array(0);
  #lengths = new Uint32Array(0);
  /** Position at which each window begins, and the end of the last one. */
  #windowStarts = new Float64Array(0);
  /** The windows used last: a batch may lie in two of them. */
  #windows: Window[] = [];

  constructor(ranges: readonly WeightedRange[], options: BlockOrderOptions) {
    this.#ranges = ranges;
    this.#options = options;
    this.length = ranges.reduce((sum, range) => sum + drawsPerEpoch(range), 0);
  }

  at(epoch: number, position: number): number {
    const number = this.windowOf(epoch, position);
    const known = this.#windows.find((window) => window.epoch === epoch && window.number === number);
    return (known ?? this.#fill(epoch, number)).samples[position - this.#windowStarts[number]!]!;
  }

  /** Number of windows of an epoch. */
  numWindows(epoch: number): number {
    this.#draw(epoch);
    return this.#windowStarts.length - 1;
  }

  /** The window that a position lies in. */
  windowOf(epoch: number, position: number): number {
    this.#draw(epoch);
    let [low, high] = [0, this.#windowStarts.length - 2];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#windowStarts[middle]! <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The blocks of a window, in the order of the dataset. */
  blocks(epoch: number, window: number): SampleBlock[] {
    this.#draw(epoch);
    const { windowBlocks } = this.#options;
    const starts = this.#starts.subarray(window * windowBlocks, (window + 1) * windowBlocks);
    return Array.from(starts, (start, i) => ({
      start,
      end: start + this.#lengths[window * windowBlocks + i]!,
    })).sort((a, b) => a.start - b.start);
  }

  #fill(epoch: number, number: number): Window {
    const length = this.#windowStarts[number + 1]! - this.#windowStarts[number]!;
    const samples = new Uint32Array(length);
    let at = 0;
    for (const { start, end } of this.blocks(epoch, number))
      for (let sample = start; sample < end; sample++) samples[at++] = sample;
    shuffle(samples, Xoshiro128.fromSeed(this.#options.seed, epoch, number, WINDOW_WORD));
    const window = { epoch, number, samples };
    this.#windows = [window, ...this.#windows.slice(0, 1)];
    return window;
  }

  /** Draws the epoch's blocks and puts them into their order. */
  #draw(epoch: number): void {
    if (epoch === this.#epoch) return;
    const { seed, windowBlocks } = this.#options;
    const blocks = this.#ranges.flatMap((drawn, r) => this.#blocksOf(drawn, r, epoch));
    const order = range(blocks.length);
    shuffle(order, Xoshiro128.fromSeed(seed, epoch, WINDOW_WORD));
    this.#starts = order.map((i) => blocks[i]!.start);
    this.#lengths = order.map((i) => blocks[i]!.end - blocks[i]!.start);
    const numWindows = Math.ceil(blocks.length / windowBlocks);
    this.#windowStarts = new Float64Array(numWindows + 1);
    this.#lengths.forEach((length, i) => {
      this.#windowStarts[Math.floor(i / windowBlocks) + 1]! += length;
    });
    for (let w = 1; w <= numWindows; w++) this.#windowStarts[w]! += this.#windowStarts[w - 1]!;
    this.#epoch = epoch;
  }

  /** The blocks of a range that an epoch draws: of a cycle that it draws in part, the first and last may be pieces. */
  #blocksOf(drawn: WeightedRange, r: number, epoch: number): SampleBlock[] {
    const { seed, blockSize } = this.#options;
    const blocks: SampleBlock[] = [];
    for (const { cycle, from, end } of cycleParts(epoch, drawsPerEpoch(drawn), drawn.length)) {
      const order = range(Math.ceil(drawn.length / blockSize));
      if (end - from < drawn.length) shuffle(order, cycleRandom(seed, r, cycle));
      let passed = 0;
      for (const block of order) {
        const first = block * blockSize;
        const length = Math.min(blockSize, drawn.length - first);
        const [a, b] = [Math.max(from - passed, 0), Math.min(end - passed, length)];
        if (a < b) blocks.push({ start: drawn.start + first + a, end: drawn.start + first + b });
        passed += length;
      }
    }
    return blocks;
  }
}
