import { KappaError } from '../../errors';
import type { DecodeReply, DecodeTask, SkippedSample } from './decode-task';

/** How a task ended; it never rejects. */
export interface DecodeResult {
  skipped: SkippedSample[];
  error?: KappaError;
}

/** Does the decode tasks of a loader, on worker threads or in the calling thread. */
export interface Decoding {
  /** Worker threads that ended and were replaced so far. */
  readonly restarts: number;
  /** Gets ready for an epoch. */
  start(): Promise<void>;
  /**
   * @param wanted asked again when the task could be done: false gives it up
   * @param restore called before the task is done anew, because its worker ended in the middle of it
   */
  run(task: DecodeTask, wanted: () => boolean, restore: () => void): Promise<DecodeResult>;
  /** Ends; every task that is not done ends with ERR_CANCELLED. */
  close(): Promise<void>;
}

export function resultOf({ skipped, error }: DecodeReply): DecodeResult {
  return { skipped, ...(error && { error: new KappaError(error.code, error.message) }) };
}

export function cancelled(): DecodeResult {
  return { skipped: [], error: new KappaError('ERR_CANCELLED', 'The loader was closed while it was read.') };
}
