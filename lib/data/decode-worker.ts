import { parentPort, workerData } from 'node:worker_threads';
import { KappaError } from '../errors';
import { BatchSlot } from './batch-slot';
import { decodeInto } from './decode';
import type { DecodeReply, DecodeTask, DecodeWorkerData } from './decode-task';
import { SampleReader } from './sample-reader';
import { describeSample } from './sample-table';

// So many damaged records in a row are not a blemish but a destroyed file.
const MAX_REPLACEMENTS = 64;

const { table, batchSize, resize, skipCorrupt, control, worker } = workerData as DecodeWorkerData;
const port = parentPort!;
const imageBytes = table.imageSize[0] * table.imageSize[1] * 3;
let reader: SampleReader | undefined;

async function decodeTask({ memory, from, count }: DecodeTask): Promise<DecodeReply> {
  const slot = new BatchSlot(batchSize, imageBytes, memory);
  const reply: DecodeReply = { skipped: [] };
  try {
    reader ??= SampleReader.open(table);
    for (let i = from; i < from + count && Atomics.load(control, 0) === 0; i++) {
      // Waits only where sharp is at work: most images are decoded without giving up the thread.
      const waiting = decodeElement(slot, i, reader, reply);
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

function decodeElement(
  slot: BatchSlot,
  element: number,
  source: SampleReader,
  reply: DecodeReply,
): Promise<void> | undefined {
  const wanted = slot.sampleIndex[element]!;
  const attempt = (index: number): Promise<void> | undefined => {
    Atomics.store(control, 1 + worker, index);
    const { label, image } = source.readView(index);
    const out = slot.images.subarray(element * imageBytes, (element + 1) * imageBytes);
    slot.labels[element] = label;
    slot.sampleIndex[element] = index;
    return decodeInto(image, out, { size: table.imageSize, resize }, describeSample(table, index));
  };
  const replace = async (first: unknown): Promise<void> => {
    let failure = first;
    for (let step = 1; step <= Math.min(MAX_REPLACEMENTS, table.labels.length - 1); step++) {
      if (!skipCorrupt || !(failure instanceof KappaError) || failure.code !== 'ERR_DATA_CORRUPT')
        throw failure;
      const next = (wanted + step) % table.labels.length;
      try {
        await attempt(next);
        reply.skipped.push({ sampleIndex: wanted, replacedBy: next, message: (first as KappaError).message });
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
  try {
    return attempt(wanted)?.catch(replace);
  } catch (error) {
    return replace(error);
  }
}

// One task after the other, in the order they came.
let previous: Promise<void> = Promise.resolve();
port.on('message', (task: DecodeTask | 'stop') => {
  previous = previous.then(async () => {
    if (task !== 'stop') port.postMessage(await decodeTask(task));
    else {
      reader?.close();
      port.close();
    }
  });
});
