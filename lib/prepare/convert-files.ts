import { join } from 'node:path';
import { KappaError } from '../errors';
import { loadSharp } from '../image/decode';
import { chunks } from '../workers/chunks';
import type { LandmarkDoubt } from '../image/landmark-check';
import { mapInWorkers } from '../workers/worker-map';
import type { ConvertOptions } from '../image/convert';
import { runConvertTask, type ConvertItem, type ConvertReply, type ConvertTask } from './convert-task';

/** The converted image, or why there is none. */
export type ConvertedImage = { image: Buffer } | { error: KappaError };

/** How converting runs. */
export interface ConvertRun {
  workers?: number;
  signal?: AbortSignal;
  /** Told at the end how many landmarks are suspicious, and which come first. */
  onMessage?: (text: string) => void;
}

/** What is said of suspicious landmarks. */
const DOUBTS: Record<LandmarkDoubt, string> = {
  outside: 'landmarks outside the image',
  turned:
    'a face turned by more than 90 degrees, which is right for pictures that lie on their side or head, and else a sign of landmarks in a wrong order',
  unlike: "landmarks unlike a face's: a full profile, or a mistake of the detector",
  tiny: 'eyes that are only a few pixels apart',
};

const ITEMS_PER_TASK = 16;

/**
 * Reads and converts image files on worker threads; the results come in the order of the items.
 * @throws KappaError ERR_CANCELLED, ERR_INTERNAL; what is wrong with one image is in its result
 */
export async function* convertFiles(
  items: Iterable<ConvertItem>,
  options: ConvertOptions,
  run: ConvertRun,
): AsyncGenerator<ConvertedImage, void, undefined> {
  // See loadSharp; where sharp cannot be loaded JPEG images are converted all the same.
  await loadSharp().catch(() => undefined);
  const doubts = new Map<LandmarkDoubt, { count: number; first: string }>();
  let images = 0;
  const tasks = chunks(items, ITEMS_PER_TASK, (chunk): ConvertTask => ({ items: chunk, options }));
  const replies = mapInWorkers<ConvertTask, ConvertReply[]>(join(__dirname, 'convert-worker'), tasks, {
    what: 'convert images',
    inThread: runConvertTask,
    workers: run.workers,
    signal: run.signal,
  });
  for await (const reply of replies)
    for (const one of reply) {
      images++;
      if ('error' in one) {
        yield { error: new KappaError(one.error.code, one.error.message) };
        continue;
      }
      if (one.doubt) {
        const { kind, file } = one.doubt;
        const known = doubts.get(kind);
        doubts.set(kind, { count: (known?.count ?? 0) + 1, first: known?.first ?? file });
      }
      yield { image: Buffer.from(one.image.buffer, one.image.byteOffset, one.image.byteLength) };
    }
  for (const [kind, { count, first }] of doubts)
    run.onMessage?.(`${count} of ${images} images have ${DOUBTS[kind]} (the first: ${first}).`);
}
