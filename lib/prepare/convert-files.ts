import { join } from 'node:path';
import { KappaError, type KappaErrorCode } from '../errors';
import { loadSharp } from '../image/decode';
import type { Point } from '../image/similarity';
import { mapInWorkers } from '../workers/worker-map';
import type { ConvertOptions } from '../image/convert';
import { runConvertTask } from './convert-task';

/** An image to convert. */
export interface ConvertItem {
  /** The file to read. */
  file: string;
  /** Landmarks to align by. */
  points?: readonly Point[];
  /** What is wrong with it, where that is known already. */
  problem?: string;
}

/** The converted image, or why there is none. */
export type ConvertedImage = { image: Buffer } | { error: KappaError };

export interface ConvertTask {
  items: ConvertItem[];
  options: ConvertOptions;
}

/** What a worker answers for one image; errors lose their class on the way. */
export type ConvertReply = { image: Uint8Array } | { error: { code: KappaErrorCode; message: string } };

const ITEMS_PER_TASK = 16;

/**
 * Reads and converts image files on worker threads; the results come in the order of the items.
 * @throws KappaError ERR_CANCELLED, ERR_INTERNAL; what is wrong with one image is in its result
 */
export async function* convertFiles(
  items: Iterable<ConvertItem>,
  options: ConvertOptions,
  run: { workers?: number; signal?: AbortSignal },
): AsyncGenerator<ConvertedImage, void, undefined> {
  // See loadSharp; where sharp cannot be loaded JPEG images are converted all the same.
  await loadSharp().catch(() => undefined);
  const tasks = chunks(items, ITEMS_PER_TASK, (chunk): ConvertTask => ({ items: chunk, options }));
  const replies = mapInWorkers<ConvertTask, ConvertReply[]>(join(__dirname, 'convert-worker'), tasks, {
    what: 'convert images',
    inThread: runConvertTask,
    workers: run.workers,
    signal: run.signal,
  });
  for await (const reply of replies)
    for (const one of reply)
      yield 'image' in one
        ? { image: Buffer.from(one.image.buffer, one.image.byteOffset, one.image.byteLength) }
        : { error: new KappaError(one.error.code, one.error.message) };
}

/** Cuts a sequence into tasks of some items each, drawing items only when a task is asked for. */
export function* chunks<Item, Task>(
  items: Iterable<Item>,
  size: number,
  task: (items: Item[]) => Task,
): Generator<Task, void, undefined> {
  let chunk: Item[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield task(chunk);
      chunk = [];
    }
  }
  if (chunk.length > 0) yield task(chunk);
}
