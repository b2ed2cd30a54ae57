import { workerData } from 'node:worker_threads';
import { serveTasks } from '../workers/task-worker';
import { drawPhotos } from './render/draw-photo';
import type { SynthPerson } from './plan';

const { seed } = workerData as { seed: number };

serveTasks(
  (person: SynthPerson) => drawPhotos(seed, person).map((photo) => Uint8Array.from(photo)),
  (photos) => photos.map((photo) => photo.buffer),
);
