import { parentPort, workerData } from 'node:worker_threads';
import type { DecodeTask, DecodeWorkerData } from './decode-task';
import { TaskDecoder } from './task-decoder';

const data = workerData as DecodeWorkerData;
const { control, worker } = data;
const port = parentPort!;
const decoder = new TaskDecoder(data, {
  onSample: (index) => Atomics.store(control, 1 + worker, index),
  isStopped: () => Atomics.load(control, 0) !== 0,
});

// One task after the other, in the order they came.
let previous: Promise<void> = Promise.resolve();
port.on('message', (task: DecodeTask | 'stop') => {
  previous = previous.then(async () => {
    if (task === 'stop') {
      decoder.close();
      port.close();
      return;
    }
    const reply = await decoder.decode(task);
    Atomics.store(control, 1 + worker, -1);
    port.postMessage(reply);
  });
});
