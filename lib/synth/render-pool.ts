import { join } from 'node:path';
import { mapInWorkers } from '../workers/worker-map';
import type { SynthPerson } from './plan';

/**
 * Draws people on worker threads and yields each one's photographs in the order of the list.
 *
 * @param run workers: threads, 0 for the calling one; by default one for each core, at most 16.
 * @throws KappaError `ERR_INTERNAL` when a worker fails, `ERR_CANCELLED`.
 */
export async function* renderPeople(
  seed: number,
  people: readonly SynthPerson[],
  run: { workers?: number; signal?: AbortSignal } = {},
): AsyncGenerator<Buffer[], void, undefined> {
  const drawn = mapInWorkers<SynthPerson, Uint8Array[]>(join(__dirname, 'render-worker'), people, {
    workers: run.workers,
    signal: run.signal,
    what: 'draw synthetic faces',
    workerData: { seed },
    inThread: async (person) => (await import('./render/draw-photo')).drawPhotos(seed, person),
  });
  for await (const photos of drawn)
    yield photos.map((photo) => Buffer.from(photo.buffer, photo.byteOffset, photo.byteLength));
}
