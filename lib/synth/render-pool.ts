import { join } from 'node:path';
import { mapInWorkers } from '../workers/worker-map';
import type { SynthPerson } from './plan';

/**
 * Draws people on worker threads and yields each one's photographs in the order of the list.
 *
 * @param workers Threads; by default one for each core, at most 16.
 * @throws KappaError `ERR_INTERNAL` when a worker fails.
 */
export async function* renderPeople(
  seed: number,
  people: readonly SynthPerson[],
  workers?: number,
): AsyncGenerator<Buffer[], void, undefined> {
  const options = { workers, what: 'draw synthetic faces', workerData: { seed } };
  const drawn = mapInWorkers<SynthPerson, Uint8Array[]>(join(__dirname, 'render-worker'), people, options);
  for await (const photos of drawn)
    yield photos.map((photo) => Buffer.from(photo.buffer, photo.byteOffset, photo.byteLength));
}
