import type { KappaErrorCode } from '../../errors';
import type { AugmentOptions } from '../augment/options';
import type { SampleTable } from '../sample-table';

/** What a decode worker is started with. */
export interface DecodeWorkerData {
  table: SampleTable;
  /** Images of a whole batch, the capacity of a slot. */
  batchSize: number;
  resize: boolean;
  /** Replace damaged samples by the next ones instead of reporting them as errors. */
  skipCorrupt: boolean;
  /** Seed of the augmentation. */
  seed: number;
  /** Absent: images stay as they are. */
  augment: AugmentOptions | undefined;
  /** Word 0: 1 when all workers should stop. Word 1 + w: the sample worker w is busy with, or -1. */
  control: Int32Array;
  worker: number;
}

/** A stretch of a batch to decode: elements [from, from + count) of the slot. */
export interface DecodeTask {
  memory: SharedArrayBuffer;
  from: number;
  count: number;
  epoch: number;
  /** Samples that ended two workers, if there are any: they are not touched again. */
  fatal?: readonly number[];
}

/** A damaged sample, and the one that took its place. */
export interface SkippedSample {
  sampleIndex: number;
  replacedBy: number;
  message: string;
}

export interface DecodeReply {
  skipped: SkippedSample[];
  /** The first thing that went wrong; the stretch is not complete then. */
  error?: { code: KappaErrorCode; message: string };
}
