import { parentPort, workerData } from 'node:worker_threads';
import { KappaError } from '../../errors';
import { BatchSlot } from './batch-slot';
import type { DecodeReply, DecodeTask, DecodeWorkerData } from './decode-task';
import { SampleDecoder } from './sample-decoder';

const data = workerData as DecodeWorkerData;
const { table, batchSize, control, worker } = data;
const port = parentPort!;
const imageBytes = table.imageSize[0] * table.imageSize[1] * 3;
let decoder: SampleDecoder | undefined;
let reply: DecodeReply;

async function decodeTask({ memory, from, count, epoch, fatal }: DecodeTask): Promise<DecodeReply> {
  const slot = new BatchSlot(batchSize, imageBytes, memory);
  reply = { skipped: [] };
  try {
    decoder ??= new SampleDecoder(data, {
      onSample: (index) => Atomics.store(control, 1 + worker, index),
      onSkip: (skipped) => reply.skipped.push(skipped),
    });
    for (let i = from; i < from + count && Atomics.load(control, 0) === 0; i++) {
      // Waits only where sharp is at work: most images are decoded without giving up the thread.
      const waiting = decoder.decode(slot, i, epoch, fatal);
      if (waiting) await waiting;
    }
  } catch (error) {
    const known = error instanceof KappaError;
    reply.error = {
      code: known ? error.code : 'ERR_INTERNAL',
      message: known
        ? error.message
        : `A decode worker failed: ${error instanceof Error ? error.message : String(error)}.`,
    };
  }
  Atomics.store(control, 1 + worker, -1);
  return reply;
}

// One task after the other, in the order they came.
let previous: Promise<void> = Promise.resolve();
port.on('message', (task: DecodeTask | 'stop') => {
  previous = previous.then(async () => {
    if (task !== 'stop') port.postMessage(await decodeTask(task));
    else {
      decoder?.close();
      port.close();
    }
  });
});
