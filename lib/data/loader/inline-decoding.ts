import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { DecodeTask, DecodeWorkerData } from './decode-task';
import { cancelled, resultOf, type DecodeResult, type Decoding } from './decoding';
import type { TaskDecoder } from './task-decoder';

/** Decodes in the calling thread, a task after the other; between them events come to their turn. */
export class InlineDecoding implements Decoding {
  readonly restarts = 0;
  readonly #data: Omit<DecodeWorkerData, 'control' | 'worker'>;
  #decoder: TaskDecoder | undefined;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(data: Omit<DecodeWorkerData, 'control' | 'worker'>) {
    this.#data = data;
  }

  async start(): Promise<void> {
    // Loaded only here: with decode threads this one never decodes.
    const { TaskDecoder } = await import('./task-decoder');
    this.#decoder ??= new TaskDecoder(this.#data, { isStopped: () => this.#closed });
  }

  run(task: DecodeTask, wanted: () => boolean): Promise<DecodeResult> {
    const result = this.#last.then(() => this.#decode(task, wanted));
    this.#last = result;
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    this.#decoder?.close();
  }

  async #decode(task: DecodeTask, wanted: () => boolean): Promise<DecodeResult> {
    await yieldToEvents();
    if (this.#decoder === undefined || this.#closed || !wanted()) return cancelled();
    const reply = await this.#decoder.decode(task);
    return this.#closed ? cancelled() : resultOf(reply);
  }
}
