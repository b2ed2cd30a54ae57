import { parentPort, workerData } from 'node:worker_threads';
import { drawPhotos } from './draw-photo';
import type { SynthPerson } from './plan';

const { seed } = workerData as { seed: number };

parentPort?.on('message', (person: SynthPerson) => {
  const photos = drawPhotos(seed, person).map((photo) => Uint8Array.from(photo));
  parentPort?.postMessage(
    photos,
    photos.map((photo) => photo.buffer),
  );
});
