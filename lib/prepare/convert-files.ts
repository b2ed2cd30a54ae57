import { join } from 'node:path';
import { KappaError } from '../errors';
import { loadSharp } from '../image/decode';
import { chunks } from '../workers/chunks';
import { mapInWorkers } from '../workers/worker-map';
import type { ConvertOptions } from '../image/convert';
import { runConvertTask, type ConvertItem, type ConvertReply, type ConvertTask } from './convert-task';

/** The converted image, or why there is none. */
export type ConvertedImage = { image: Buffer } | { error: KappaError };

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
