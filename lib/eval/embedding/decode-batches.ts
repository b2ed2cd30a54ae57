import path from 'node:path';

import { loadSharp } from '../../image/decode';
import { usableProcessors } from '../../processors';
import { mapInWorkers } from '../../workers/worker-map';
import type { FaceInputs } from './face-inputs';
import { runFaceTask, type FaceTask } from './face-task';

/** Faces that a worker decodes in one go: batches are larger, so that all workers are at the next one. */
const FACES_PER_TASK = 16;
/** Starting threads takes longer than decoding so few. */
const FEW_FACES = 256;
const MAX_WORKERS = 8;

export interface DecodeBatchesOptions {
  /** Side of the faces in pixels. */
  size: number;
  batchSize: number;
  /** The first face of each batch that is wanted. */
  starts: readonly number[];
  /** Worker threads; 0 decodes in this one. @default one for each processor, at most 8; none for few faces */
  workers?: number;
  signal?: AbortSignal;
}

/**
 * Decodes batches of faces, ahead of whoever takes them: some are in memory, however many there are.
 *
 * @yields the pixels of a batch: batch x size x size x 3 bytes, RGB
 * @throws KappaError of a face that cannot be had, `ERR_CANCELLED`, `ERR_INTERNAL`
 */
export async function* decodeBatches(
  inputs: FaceInputs,
  { size, batchSize, starts, workers, signal }: DecodeBatchesOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const few = Math.min(inputs.length, starts.length * batchSize) <= FEW_FACES;
  const threads = workers ?? (few ? 0 : Math.min(MAX_WORKERS, usableProcessors()));
  const perTask = threads === 0 ? batchSize : FACES_PER_TASK;
  // See loadSharp; where sharp cannot be loaded whoever decodes tells.
  if (threads > 0) await loadSharp().catch(() => undefined);
  const endOf = (start: number): number => Math.min(start + batchSize, inputs.length);
  function* tasks(): Generator<FaceTask, void, undefined> {
    for (const start of starts)
      for (let from = start; from < endOf(start); from += perTask) {
        const count = Math.min(perTask, endOf(start) - from);
        const faces = Array.from({ length: count }, (_, i) => inputs.at(from + i));
        yield { faces, size, crop: inputs.crop };
      }
  }
  const parts = mapInWorkers<FaceTask, Uint8Array>(path.join(__dirname, 'face-worker'), tasks(), {
    what: `decode ${inputs.name}`,
    inThread: runFaceTask,
    workers: threads,
    signal,
  });
  try {
    for (const start of starts) {
      const batch = new Uint8Array((endOf(start) - start) * size * size * 3);
      for (let at = 0; at < batch.length;) {
        const { value } = (await parts.next()) as IteratorYieldResult<Uint8Array>;
        batch.set(value, at);
        at += value.length;
      }
      yield batch;
    }
  } finally {
    await parts.return();
  }
}
