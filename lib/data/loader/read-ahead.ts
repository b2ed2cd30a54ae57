import { open, type FileHandle } from 'node:fs/promises';
import type { BlockOrder, SampleBlock } from './block-order';
import { endOfSource, sourceOf, type SampleTable } from '../sample-table';
import type { Sampler } from './sampler';

const BUFFER_BYTES = 1 << 20;
// Where the next record is not known, its end is: a face is some kilobytes.
const RECORD_BYTES = 64 << 10;
// A subset may leave so little of a stretch that reading all of it would be a waste.
const MAX_BYTES_PER_SAMPLE = 256 << 10;

/** Bytes [from, end) of the record file of a source. */
interface ByteRange {
  source: number;
  from: number;
  end: number;
}

/**
 * Reads the record files' stretches of coming blocks from beginning to end, so that the decode workers find them in the
 * system's page cache instead of moving the disk's head for each record. The window in use and the next one are read;
 * this process itself holds one megabyte. Image files are not read ahead: pack them for a slow disk.
 */
export class ReadAhead {
  readonly #table: SampleTable;
  readonly #sampler: Sampler;
  readonly #order: BlockOrder;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #files = new Map<number, FileHandle>();
  /** Windows of the epoch that are read or being read; `undefined` once they are. */
  #windows = new Map<number, Promise<void> | undefined>();
  #epoch = -1;
  #run = { active: true };
  #tail: Promise<void> = Promise.resolve();

  private constructor(table: SampleTable, sampler: Sampler, order: BlockOrder) {
    this.#table = table;
    this.#sampler = sampler;
    this.#order = order;
  }

  /** @returns undefined where the samples are not drawn in blocks */
  static for(table: SampleTable, sampler: Sampler): ReadAhead | undefined {
    return sampler.blockOrder && new ReadAhead(table, sampler, sampler.blockOrder);
  }

  /**
   * Begins to read what batch `index` needs and the window after it.
   * @returns when the batch's own part is read; undefined where it is already. It never fails: what cannot be read is
   *   left to the workers, which know the record.
   */
  prepare(epoch: number, index: number): Promise<void> | undefined {
    if (epoch !== this.#epoch) this.stop();
    this.#epoch = epoch;
    const [from, to] = this.#sampler.positions(index).map((at) => this.#order.windowOf(epoch, at)) as [
      number,
      number,
    ];
    const needed = [this.#load(epoch, from), this.#load(epoch, to)].filter((work) => work !== undefined);
    const next = Math.max(from, to) + 1;
    if (next < this.#order.numWindows(epoch)) void this.#load(epoch, next);
    for (const window of this.#windows.keys())
      if (window !== from && window !== to && window !== next) this.#windows.delete(window);
    return needed.length === 0 ? undefined : Promise.all(needed).then(() => undefined);
  }

  /** Gives up what is not read yet. */
  stop(): void {
    this.#run.active = false;
    this.#run = { active: true };
    this.#windows = new Map();
    this.#epoch = -1;
  }

  /** Stops and gives the files back. */
  async close(): Promise<void> {
    this.stop();
    this.#run.active = false;
    await this.#tail;
    for (const file of this.#files.values()) await file.close().catch(() => undefined);
    this.#files.clear();
  }

  #load(epoch: number, window: number): Promise<void> | undefined {
    if (this.#windows.has(window)) return this.#windows.get(window);
    const run = this.#run;
    const windows = this.#windows;
    const ranges = this.#order.blocks(epoch, window).map((block) => byteRange(this.#table, block));
    const work = this.#tail.then(async () => {
      for (const range of merged(ranges)) if (run.active) await this.#read(range, run);
      if (windows.has(window)) windows.set(window, undefined);
    });
    this.#tail = work.catch(() => undefined);
    windows.set(window, this.#tail);
    return this.#tail;
  }

  async #read({ source, from, end }: ByteRange, run: { active: boolean }): Promise<void> {
    const { store } = this.#table.sources[source]!;
    if (store.kind !== 'records') return;
    let file = this.#files.get(source);
    if (!file) this.#files.set(source, (file = await open(store.path, 'r')));
    for (let at = from; at < end && run.active;) {
      const { bytesRead } = await file.read(this.#buffer, 0, Math.min(BUFFER_BYTES, end - at), at);
      if (bytesRead === 0) return;
      at += bytesRead;
    }
  }
}

/** The stretch of its file that a block's records lie in; undefined for files, and for records that lie far apart. */
function byteRange(table: SampleTable, { start, end }: SampleBlock): ByteRange | undefined {
  const source = sourceOf(table, start);
  const { store } = table.sources[source]!;
  if (store.kind !== 'records') return undefined;
  let [from, last] = [Infinity, 0];
  for (let i = start; i < end; i++) {
    from = Math.min(from, table.offsets[i]!);
    last = Math.max(last, table.offsets[i]!);
  }
  const next = end < endOfSource(table, source) ? table.offsets[end]! : store.size;
  const to = Math.min(next > last ? next : store.size, last + RECORD_BYTES);
  return to - from > (end - start) * MAX_BYTES_PER_SAMPLE ? undefined : { source, from, end: to };
}

/** Joins stretches that touch, in the order of the file. */
function merged(ranges: readonly (ByteRange | undefined)[]): ByteRange[] {
  const sorted = ranges
    .filter((range) => range !== undefined)
    .sort((a, b) => a.source - b.source || a.from - b.from);
  const result: ByteRange[] = [];
  for (const range of sorted) {
    const last = result.at(-1);
    if (last?.source === range.source && last.end >= range.from) last.end = Math.max(last.end, range.end);
    else result.push({ ...range });
  }
  return result;
}
