import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import type { FaceDataset } from '../../lib/data/face-dataset';
import { DataLoader, type Batch, type DataLoaderOptions } from '../../lib/data/loader/data-loader';

const ROOT = path.join(__dirname, '..', '..');

/** Rooms of lib/ that a decode worker needs something of. */
const WORKER_FOLDERS = [
  ...['', 'data', 'data/augment', 'data/loader', 'data/recordio', 'image', 'files'],
  ...['native', 'libtorch', 'libtorch/addon', 'libtorch/build'],
];

let compiled = 0;

/**
 * Compiles what a decode worker is made of, so that workers start at once; from the sources each would load the
 * compiler first. Removed after the tests of the suite that calls it.
 * @returns the worker's script
 */
export function compileWorker(): string {
  const root = path.join(ROOT, 'node_modules', '.cache', 'kappaface-test', `${process.pid}-${++compiled}`);
  // Laid out as the package, which finds its addons from there.
  const out = path.join(root, 'dist');
  for (const folder of WORKER_FOLDERS) {
    mkdirSync(path.join(out, folder), { recursive: true });
    for (const name of readdirSync(path.join(ROOT, 'lib', folder))) {
      if (!name.endsWith('.ts')) continue;
      const source = readFileSync(path.join(ROOT, 'lib', folder, name), 'utf8');
      const compilerOptions = {
        module: ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2023,
        esModuleInterop: true,
      };
      const { outputText } = ts.transpileModule(source, { compilerOptions });
      writeFileSync(path.join(out, folder, name.replace(/ts$/, 'js')), outputText);
    }
  }
  symlinkSync(path.join(ROOT, 'build'), path.join(root, 'build'), 'junction');
  copyFileSync(path.join(ROOT, 'package.json'), path.join(root, 'package.json'));
  after(() => rmSync(root, { recursive: true, force: true }));
  return path.join(out, 'data', 'loader', 'decode-worker.js');
}

/** Runs work with a loader (batches of 8, seed 1, one worker) and closes it. */
export async function withLoader<T>(
  dataset: FaceDataset,
  options: Partial<DataLoaderOptions>,
  work: (loader: DataLoader) => Promise<T>,
): Promise<T> {
  const loader = new DataLoader(dataset, { batchSize: 8, seed: 1, workers: 1, ...options });
  try {
    return await work(loader);
  } finally {
    await loader.close();
  }
}

/** What a batch holds, apart from its memory. */
export function digest({ index, size, images, labels, sampleIndex, flips }: Batch) {
  const imageBytes = images.length / size;
  return {
    index,
    size,
    labels: [...labels],
    sampleIndex: [...sampleIndex],
    flips: [...flips],
    reds: Array.from({ length: size }, (_, i) => images[i * imageBytes + 3000]),
    sums: Array.from({ length: size }, (_, i) =>
      images
        .subarray(i * imageBytes, (i + 1) * imageBytes)
        .reduce((sum, value) => (Math.imul(sum, 31) + value) >>> 0, 0),
    ),
  };
}

export type Digest = ReturnType<typeof digest>;

/** Digests of an epoch's batches, each released at once. */
export async function collect(loader: DataLoader, epoch: number, startBatch = 0): Promise<Digest[]> {
  const batches: Digest[] = [];
  for await (const batch of loader.epoch(epoch, { startBatch })) {
    batches.push(digest(batch));
    batch.release();
  }
  return batches;
}

/** Writes a worker that runs a script of ours before the compiled one; `lib` is a module by its path from lib/data/loader. */
export function writeWorker(file: string, worker: string, script: string): string {
  const text = `
    const { parentPort, workerData } = require('node:worker_threads');
    const fs = require('node:fs');
    const lib = (name) => require(${JSON.stringify(path.dirname(worker))} + '/' + name);
    ${script}
    lib('decode-worker');`;
  writeFileSync(file, text);
  return file;
}

/** Writes a worker that ends at a sample, the first so many times that it comes to it. */
export function writeDyingWorker(file: string, worker: string, sample: number, times = Infinity): string {
  const counter = `${file}.count`;
  writeFileSync(counter, '');
  return writeWorker(
    file,
    worker,
    `const { SampleReader } = lib('../sample-reader');
     const { readView } = SampleReader.prototype;
     SampleReader.prototype.readView = function (index) {
       if (index === ${sample} && fs.statSync(${JSON.stringify(counter)}).size < ${times}) {
         fs.appendFileSync(${JSON.stringify(counter)}, '.');
         process.exit(3);
       }
       return readView.call(this, index);
     };`,
  );
}
