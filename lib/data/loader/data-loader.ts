import { KappaError, argumentError } from '../../errors';
import { BatchSlot } from './batch-slot';
import { DecodePool } from './decode-pool';
import type { DecodeResult, Decoding } from './decoding';
import { InlineDecoding } from './inline-decoding';
import { resolveDataLoaderOptions, type DataLoaderOptions, type ResolvedDataLoaderOptions } from './options';
import { ReadAhead } from './read-ahead';
import { Sampler, flipFlags } from './sampler';
import { endOfSource, type SampleTable } from '../sample-table';

/** Decoded images with their labels. Everything in it is valid until {@link Batch.release}. */
export interface Batch {
  /** uint8 RGB, NHWC: size x height x width x 3, in shared memory. */
  images: Uint8Array;
  /** Class of each image. */
  labels: Int32Array;
  /** Position of each image in the dataset. */
  sampleIndex: Int32Array;
  /** 1 for each image that is to be mirrored; the mirroring is left to the device. */
  flips: Uint8Array;
  size: number;
  /** Number of the batch within its epoch. */
  index: number;
  /** Gives the memory back for a later batch. May be called twice. */
  release(): void;
}

export type { DataLoaderOptions, WorkerCrash } from './options';

interface Ahead {
  index: number;
  size: number;
  slot: BatchSlot;
  results: Promise<DecodeResult[]>;
}

interface Run {
  active: boolean;
  fill: () => void;
  /** Slots of batches that were handed out and not given back. */
  held: Set<BatchSlot>;
}

// Long enough that messages cost nothing, short enough that a batch is spread over the workers.
const MAX_TASK_IMAGES = 32;

/**
 * Reads a dataset in shuffled batches, decoded into shared memory by worker threads, or in the calling thread. Batches
 * come in order and are the same whatever the number of workers. At most `queueDepth` batches exist at a time: a slow
 * consumer makes the workers wait.
 */
export class DataLoader {
  /** Batches of an epoch, the same on every rank: a multiple of `accumulate`. */
  readonly numBatches: number;
  /** Number of damaged samples that were replaced so far (`onCorrupt: 'skip'`). */
  skipped = 0;
  /**
   * Most bytes of shared memory that batches take:
   * queueDepth * (8 * ceil(batchSize * height * width * 3 / 8) + 8 * batchSize).
   */
  readonly maxBatchBytes: number;
  readonly #options: ResolvedDataLoaderOptions;
  readonly #sampler: Sampler;
  readonly #readAhead: ReadAhead | undefined;
  readonly #decoding: Decoding;
  readonly #imageBytes: number;
  readonly #taskImages: number;
  readonly #free: BatchSlot[] = [];
  #numSlots = 0;
  /** Slots of an abandoned epoch that workers still write to. */
  readonly #draining = new Set<Promise<void>>();
  #run: Run | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param dataset what {@link FaceDataset.open} opened
   * @param options how batches are made
   * @throws KappaError `ERR_ARGUMENT`, `ERR_CONFIG`
   */
  constructor({ table }: { readonly table: SampleTable }, options: DataLoaderOptions) {
    this.#options = resolveDataLoaderOptions(options);
    const { batchSize, workers, queueDepth, resize, onCorrupt, seed, augment } = this.#options;
    const { accumulate, rank, worldSize, dropLast, shuffle, blockSize, windowBlocks } = this.#options;
    this.#sampler = new Sampler({
      ...{ batchSize, accumulate, seed, rank, worldSize, dropLast, shuffle, blockSize, windowBlocks },
      length: table.labels.length,
      parts: table.sources.map(({ start, weight }, s) => ({ length: endOfSource(table, s) - start, weight })),
    });
    this.#readAhead = ReadAhead.for(table, this.#sampler);
    this.numBatches = this.#sampler.numBatches;
    this.#imageBytes = table.imageSize[0] * table.imageSize[1] * 3;
    this.maxBatchBytes = queueDepth * BatchSlot.bytes(batchSize, this.#imageBytes);
    this.#taskImages = Math.min(MAX_TASK_IMAGES, Math.ceil(batchSize / Math.max(1, workers)));
    const data = { table, batchSize, resize, skipCorrupt: onCorrupt === 'skip', seed, augment };
    this.#decoding = workers === 0 ? new InlineDecoding(data) : new DecodePool(data, this.#options);
  }

  /** Number of decode workers that ended and were replaced so far (`onWorkerCrash: 'restart'`). */
  get workerRestarts(): number {
    return this.#decoding.restarts;
  }

  /** Samples that an epoch draws, before an incomplete batch is dropped. */
  get epochLength(): number {
    return this.#sampler.epochLength;
  }

  /**
   * The batches of an epoch, in order. Leaving the loop early is fine; a batch held then stays valid.
   * @param epoch 0, 1, ...
   * @param options.startBatch the batch to begin with, to resume in the middle. @default 0
   * @throws KappaError ERR_ARGUMENT, ERR_DISPOSED; while iterating ERR_DATA_CORRUPT, ERR_IO, ERR_CANCELLED (closed),
   *   ERR_INTERNAL (a worker died), ERR_ARGUMENT (all batches are held)
   */
  epoch(epoch: number, options: { startBatch?: number } = {}): AsyncGenerator<Batch, void, undefined> {
    const { startBatch = 0 } = options;
    if (!Number.isSafeInteger(epoch) || epoch < 0)
      throw argumentError('epoch', 'an integer of at least 0', epoch);
    if (!Number.isInteger(startBatch) || startBatch < 0 || startBatch > this.numBatches)
      throw argumentError('startBatch', `an integer from 0 to ${this.numBatches}`, startBatch);
    this.#mustBeOpen();
    return this.#batches(epoch, startBatch);
  }

  /** Stops the workers and waits until they are gone; an epoch under way ends with ERR_CANCELLED. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#decoding.close(), this.#readAhead?.close()]).then(() => undefined);
    return this.#closing;
  }

  /** What `await using` does at the end of a block: {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#batches(epoch: number, startBatch: number): AsyncGenerator<Batch, void, undefined> {
    this.#mustBeOpen();
    if (this.#run)
      throw new KappaError(
        'ERR_ARGUMENT',
        'The loader is already reading an epoch: finish or leave that loop first.',
      );
    let next = startBatch;
    const ahead: Ahead[] = [];
    const run: Run = {
      active: true,
      held: new Set(),
      fill: () => {
        for (let slot; next < this.numBatches && (slot = this.#takeSlot()); next++)
          ahead.push(this.#begin(run, slot, epoch, next));
      },
    };
    this.#run = run;
    try {
      await this.#decoding.start();
      const flip = this.#options.flip === false ? () => 0 : flipFlags(this.#options.seed, epoch);
      for (let index = startBatch; index < this.numBatches; index++) {
        for (run.fill(); ahead.length === 0; run.fill()) await this.#waitForSlot();
        const batch = ahead[0]!;
        const results = await batch.results;
        this.#report(results);
        ahead.shift();
        yield this.#handOut(run, batch, flip);
      }
    } finally {
      run.active = false;
      this.#run = undefined;
      this.#readAhead?.stop();
      for (const batch of ahead) this.#drain(batch);
      // Whoever left the loop may still look at its last batch: that memory is not used again.
      this.#numSlots -= run.held.size;
      run.held.clear();
    }
  }

  /** Orders the decoding of a batch. */
  #begin(run: Run, slot: BatchSlot, epoch: number, index: number): Ahead {
    const samples = this.#sampler.batch(epoch, index);
    slot.sampleIndex.set(samples);
    const ready = this.#readAhead?.prepare(epoch, index);
    const results: Promise<DecodeResult>[] = [];
    for (let from = 0; from < samples.length; from += this.#taskImages) {
      const count = Math.min(this.#taskImages, samples.length - from);
      const task = { memory: slot.memory, from, count, epoch };
      // A worker may have put other samples in the place of damaged ones already.
      const restore = () => slot.sampleIndex.set(samples.subarray(from, from + count), from);
      const work = () => this.#decoding.run(task, () => run.active, restore);
      results.push(ready ? ready.then(work) : work());
    }
    return { index, size: samples.length, slot, results: Promise.all(results) };
  }

  /** Throws the error of the first image that has one, so that the same damage always gives the same error. */
  #report(results: DecodeResult[]): void {
    for (const { skipped, error } of results) {
      if (this.#closing) throw new KappaError('ERR_CANCELLED', 'The loader was closed while it was read.');
      if (error) throw error;
      this.skipped += skipped.length;
      for (const sample of skipped) this.#options.onSkip?.(sample);
    }
  }

  #handOut(run: Run, { slot, size, index }: Ahead, flip: (sample: number) => number): Batch {
    const sampleIndex = slot.sampleIndex.subarray(0, size);
    run.held.add(slot);
    return {
      images: slot.images.subarray(0, size * this.#imageBytes),
      labels: slot.labels.subarray(0, size),
      sampleIndex,
      flips: Uint8Array.from(sampleIndex, flip),
      size,
      index,
      release: () => {
        if (!run.held.delete(slot)) return;
        this.#free.push(slot);
        run.fill();
      },
    };
  }

  #takeSlot(): BatchSlot | undefined {
    const free = this.#free.pop();
    if (free || this.#numSlots === this.#options.queueDepth || this.#closing) return free;
    this.#numSlots++;
    return new BatchSlot(this.#options.batchSize, this.#imageBytes);
  }

  /** Called when no slot is free and none is being filled for this epoch. */
  async #waitForSlot(): Promise<void> {
    this.#mustBeOpen();
    if (this.#draining.size === 0)
      throw new KappaError(
        'ERR_ARGUMENT',
        `All ${this.#options.queueDepth} batches of the loader are held: call release() on each batch when it is used up, or raise queueDepth.`,
      );
    await Promise.race(this.#draining);
  }

  #drain(batch: Ahead): void {
    const done = batch.results.then(() => {
      this.#draining.delete(done);
      this.#free.push(batch.slot);
    });
    this.#draining.add(done);
  }

  #mustBeOpen(): void {
    if (this.#closing) throw new KappaError('ERR_DISPOSED', 'The loader was used after it had been closed.');
  }
}
