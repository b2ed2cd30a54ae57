'use strict';
// A process that ends while a thread of the addon is at work: node exit-child.js LIBRARY ENDING JOB THREADS DELAY
// LIBRARY is the folder of kappaface's modules: lib, or dist.
const { spawnSync } = require('node:child_process');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');

const [folder, ending, job, threads, delay] = isMainThread ? process.argv.slice(2) : workerData;

const part = (name) => require(path.resolve(folder, name));
const { Tensor } = part('tensor/tensor');

/** What keeps the compute thread busy: each resolves to a function that starts the work. */
const jobs = {
  /** A network: convolutions of oneDNN, which makes what it needs on the way. */
  async forward() {
    const { IResNet } = part('nn/iresnet');
    const backbone = new IResNet({ depth: 18, embeddingSize: 64, imageSize: 112 });
    const images = await Tensor.randn([4, 3, 112, 112]);
    return () => backbone.forward(images);
  },
  async backward() {
    const { IResNet } = part('nn/iresnet');
    const backbone = new IResNet({ depth: 18, embeddingSize: 64, imageSize: 32 });
    const embeddings = await backbone.forward(await Tensor.randn([8, 3, 32, 32]));
    const loss = await embeddings.mul(embeddings).sum();
    return () => Promise.all(Array.from({ length: 20 }, () => loss.backward({ retainGraph: true })));
  },
  /** One operation that takes longer than anybody waits. */
  async product() {
    const a = await Tensor.ones([3600, 3600], { dtype: 'float64' });
    return () => a.matmul(a);
  },
  /** One operation, on all threads, that would take an hour. */
  async endless() {
    const a = await Tensor.ones([1]).expand([2 ** 20, 2 ** 21]);
    return () => a.sum();
  },
  /** A pipe that nobody reads, which a file is written to beside the compute thread; others wait for that. */
  async write() {
    const { writeSafetensorsAside } = part('io/safetensors');
    const pipe = path.join(tmpdir(), 'pipe');
    spawnSync('mkfifo', [pipe]);
    const tensors = new Map([['ones', await Tensor.ones([1000])]]);
    return () =>
      Promise.all([pipe, path.join(tmpdir(), 'other')].map((file) => writeSafetensorsAside(file, tensors)));
  },
  /** Many operations that wait. */
  async queue() {
    const a = await Tensor.randn([200, 200]);
    return () => Promise.all(Array.from({ length: 5000 }, () => a.matmul(a).exp().sum()));
  },
  /** Loops of our own. */
  async head() {
    const { ArcFaceHead } = part('head/arcface-head');
    const head = new ArcFaceHead({ numClasses: 50000, embeddingSize: 128 });
    const embeddings = await Tensor.randn([128, 128]);
    const labels = await Tensor.randint(0, 50000, [128]);
    await head.forward(embeddings, labels);
    return () => Promise.all(Array.from({ length: 5 }, () => head.forward(embeddings, labels)));
  },
  /** Reads memory of JavaScript's where it lies, which goes with its worker. */
  async borrowed() {
    const numbers = new Float32Array(new SharedArrayBuffer(4 * 4000 * 4000));
    const a = await Tensor.from(numbers, [4000, 4000], { copy: false });
    return () => a.matmul(a);
  },
};

async function work() {
  void part('runtime/settings').setThreads(Number(threads));
  const start = await jobs[job]();
  start().catch((error) => console.error('job failed:', error));
}

/** How the process ends; for those that begin with `worker`, while a worker computes. */
const endings = {
  exit: () => process.exit(3),
  reallyExit: () => process.reallyExit(4),
  exitListener: () => {
    process.on('exit', () => {
      void sumOf(10);
      process.exitCode = 5;
    });
    process.exit();
  },
  throw: () => {
    throw new Error('thrown');
  },
  reject: () => void Promise.reject(new Error('rejected')),
  terminated: () => process.kill(process.pid, 'SIGTERM'),
  interrupted: () => {
    process.on('SIGINT', () => process.exit(130));
    process.kill(process.pid, 'SIGINT');
    setTimeout(() => undefined, 60_000); // the signal comes by the event loop: no end of the job may be earlier
  },
  // The worker's end leaves the process as it is.
  workerTerminate: async (worker) => console.log(`code ${await worker.terminate()}`, await sumOf(10)),
  workerExit: (worker) =>
    void worker.on('exit', async (code) => console.log(`code ${code}`, await sumOf(10))),
  workerThrow: (worker) =>
    void worker.on('error', async ({ message }) => console.log(message, await sumOf(10))),
  // Two workers, one of which goes on.
  workerOther: async (worker) => {
    const sum = sumOf(10);
    await worker.terminate();
    console.log(await sum);
  },
  // The process ends, and the worker with it. Its thread has LibTorch, the main thread has not.
  workerAndExit: () => process.exit(3),
  workerAndThrow: () => {
    throw new Error('thrown');
  },
  workerAndEnd: (worker) => worker.unref(),
  workerAndBothExit: () => {
    void sumOf(10);
    process.exit(3);
  },
};

async function sumOf(count) {
  return (await Tensor.ones([count])).sum().item();
}

function later(action) {
  setTimeout(action, Number(delay));
}

if (isMainThread && ending.startsWith('worker')) {
  const worker = new Worker(__filename, { workerData: process.argv.slice(2), execArgv: process.execArgv });
  const byItself = ['workerExit', 'workerThrow'].includes(ending);
  // The end of a worker may overtake its message: whoever listens for it does so from the beginning.
  if (byItself) endings[ending](worker);
  else worker.once('message', () => later(() => endings[ending](worker)));
} else {
  void work().then(() => {
    if (isMainThread)
      return later(() => {
        console.log('ending');
        endings[ending]();
      });
    parentPort.postMessage('at work');
    setTimeout(() => undefined, 60_000); // its end comes from outside: no end of the job may be earlier
    later(() => {
      if (ending === 'workerExit') process.exit(2);
      if (ending === 'workerThrow') throw new Error('thrown');
    });
  });
}
