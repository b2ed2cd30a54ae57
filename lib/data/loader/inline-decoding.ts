import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { DecodeTask, DecodeWorkerData } from './decode-task';
import { cancelled, resultOf, type DecodeResult, type Decoding } from './decoding';
import { TaskDecoder } from './task-decoder';

/** Decodes in the calling thread, a task after the other; between them events come to their turn. */
export class InlineDecoding implements Decoding {
  readonly restarts = 0;
  readonly #decoder: TaskDecoder;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(data: Omit<DecodeWorkerData, 'control' | 'worker'>) {
    this.#decoder = new TaskDecoder(data, { isStopped: () => this.#closed });
  }

  async start(): Promise<void> {
    // Nothing has to be ready before the first task.
  }

  run(task: DecodeTask, wanted: () => boolean): Promise<DecodeResult> {
    const result = this.#last.then(() => this.#decode(task, wanted));
    this.#last = result;
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    this.#decoder.close();
  }

  async #decode(task: DecodeTask, wanted: () => boolean): Promise<DecodeResult> {
    await yieldToEvents();
    if (this.#closed || !wanted()) return cancelled();
    const reply = await this.#decoder.decode(task);
    return this.#closed ? cancelled() : resultOf(reply);
  }
}
