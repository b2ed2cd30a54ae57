import { availableParallelism } from 'node:os';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { KappaError } from '../../errors';
import type { SynthPerson } from './plan';

/** People drawn ahead of the one awaited, for each worker: bounds what lies in memory. */
const AHEAD = 4;

/**
 * Draws people on worker threads and yields each one's photographs in the order of the list.
 *
 * @param workers Threads; by default one for each core, at most 16.
 * @throws KappaError `ERR_INTERNAL` when a worker fails.
 */
export async function* renderPeople(
  seed: number,
  people: readonly SynthPerson[],
  workers = Math.min(16, availableParallelism()),
): AsyncGenerator<Buffer[], void, undefined> {
  const pool = Array.from({ length: Math.max(1, Math.min(workers, people.length)) }, () => startWorker(seed));
  const done: (Buffer[] | undefined)[] = [];
  const idle = [...pool];
  let next = 0;
  let yielded = 0;
  let failure: unknown;
  let wake = () => {};

  const feed = () => {
    while (idle.length > 0 && next < people.length && next < yielded + AHEAD * pool.length) {
      const worker = idle.pop()!;
      const index = next++;
      worker.removeAllListeners('message');
      worker.on('message', (photos: Uint8Array[]) => {
        done[index] = photos.map((photo) => Buffer.from(photo.buffer, photo.byteOffset, photo.byteLength));
        idle.push(worker);
        feed();
        wake();
      });
      worker.postMessage(people[index]!);
    }
  };
  for (const worker of pool) {
    worker.on('error', (error) => {
      failure ??= error;
      wake();
    });
    worker.on('exit', (code) => {
      failure ??= new Error(`it ended with code ${code}`);
      wake();
    });
  }

  try {
    feed();
    while (yielded < people.length) {
      const photos = done[yielded];
      if (photos) {
        done[yielded++] = undefined;
        feed();
        yield photos;
      } else if (failure) {
        const reason = failure instanceof Error ? failure.message : String(failure);
        throw new KappaError('ERR_INTERNAL', `A worker that draws synthetic faces failed: ${reason}.`, {
          cause: failure,
        });
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    await Promise.all(pool.map((worker) => worker.terminate()));
  }
}

function startWorker(seed: number): Worker {
  // From sources (tests) the worker needs the compiler hook, from dist/ it does not.
  const extension = extname(__filename);
  const execArgv = extension === '.ts' ? ['-r', 'ts-node/register/transpile-only'] : [];
  return new Worker(join(__dirname, `render-worker${extension}`), { workerData: { seed }, execArgv });
}
