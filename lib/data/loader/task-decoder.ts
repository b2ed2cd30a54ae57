import { KappaError, messageOf } from '../../errors';
import { BatchSlot } from './batch-slot';
import type { DecodeReply, DecodeTask, DecodeWorkerData, SkippedSample } from './decode-task';
import { SampleDecoder } from './sample-decoder';

export interface TaskDecoderHooks {
  /** Called before a sample is touched. */
  onSample?: (index: number) => void;
  /** Asked before each sample: true leaves the rest of the task undone. */
  isStopped: () => boolean;
}

/** Does decode tasks, one at a time; each thread has its own. */
export class TaskDecoder {
  readonly #data: Omit<DecodeWorkerData, 'control' | 'worker'>;
  readonly #hooks: TaskDecoderHooks;
  readonly #imageBytes: number;
  #decoder: SampleDecoder | undefined;
  #skipped: SkippedSample[] = [];

  constructor(data: Omit<DecodeWorkerData, 'control' | 'worker'>, hooks: TaskDecoderHooks) {
    this.#data = data;
    this.#hooks = hooks;
    this.#imageBytes = data.table.imageSize[0] * data.table.imageSize[1] * 3;
  }

  /** Never rejects: what went wrong is in the reply. */
  async decode({ memory, from, count, epoch, fatal }: DecodeTask): Promise<DecodeReply> {
    const slot = new BatchSlot(this.#data.batchSize, this.#imageBytes, memory);
    const skipped: SkippedSample[] = (this.#skipped = []);
    try {
      const decoder = (this.#decoder ??= this.#open());
      for (let i = from; i < from + count && !this.#hooks.isStopped(); i++) {
        // Waits only where sharp is at work: most images are decoded without giving up the thread.
        const waiting = decoder.decode(slot, i, epoch, fatal);
        if (waiting) await waiting;
      }
      return { skipped };
    } catch (error) {
      return { skipped, error: described(error) };
    }
  }

  close(): void {
    this.#decoder?.close();
  }

  /** @throws KappaError ERR_IO, ERR_DATA_CORRUPT when the file changed */
  #open(): SampleDecoder {
    return new SampleDecoder(this.#data, {
      onSample: (index) => this.#hooks.onSample?.(index),
      onSkip: (skipped) => this.#skipped.push(skipped),
    });
  }
}

function described(error: unknown): DecodeReply['error'] {
  if (error instanceof KappaError) return { code: error.code, message: error.message };
  const why = messageOf(error);
  return { code: 'ERR_INTERNAL', message: `Decoding failed: ${why}.` };
}
