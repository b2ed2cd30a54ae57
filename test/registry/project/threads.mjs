// The addon in worker threads: beside the main thread, in two at once, and again after they have ended.
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { Tensor } from 'kappaface';

/** The sum of squares up to a number. */
async function compute(number) {
  const numbers = await Tensor.arange(1, number + 1);
  return (await numbers.mul(numbers).sum()).item();
}

async function inThread(number) {
  const worker = new Worker(new URL(import.meta.url), { workerData: number });
  const [[result], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  return [result, code];
}

if (isMainThread) {
  const results = await Promise.all([compute(3), inThread(4), inThread(5)]);
  console.log(JSON.stringify([...results, await inThread(6)]));
} else {
  parentPort.postMessage(await compute(workerData));
}
