// One measurement of the data path in a process of its own: node -r ts-node/register/transpile-only bench/data/case.ts JSON
import { decompressSync, FORMAT_RGB } from '@julusian/jpeg-turbo';
import path from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import type { AugmentChanges } from '../../lib/data/augment/options';
import { FaceDataset } from '../../lib/data/face-dataset';
import { DataLoader } from '../../lib/data/loader/data-loader';
import type { SampleTable } from '../../lib/data/sample-table';
import { Tensor } from '../../lib/tensor/tensor';
import { watchMemory } from '../memory';

export interface DataCase {
  root: string;
  /** `uint8` leaves batches as they are; `float32` flips and normalises them; `limit` decodes alone; `open` only opens. */
  work: 'uint8' | 'float32' | 'limit' | 'open';
  /** Images to time. */
  images: number;
  batchSize: number;
  workers: number;
  augment: AugmentChanges;
}

export interface DataFigures {
  seconds: number;
  peakExtraBytes: number | null;
  /** Processor time of all threads and processes. */
  cpuSeconds: number;
}

const side = 112;
const warmUpBatches = 40;

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The set over and over, so that an epoch is long enough to be timed. */
function repeat(table: SampleTable, length: number): SampleTable {
  const shared = <T extends Int32Array | Uint32Array | Float64Array>(
    values: T,
    make: (m: SharedArrayBuffer) => T,
  ) => {
    const long = make(new SharedArrayBuffer(values.BYTES_PER_ELEMENT * length));
    for (let i = 0; i < length; i++) long[i] = values[i % values.length]!;
    return long;
  };
  return {
    ...table,
    keys: shared(table.keys, (memory) => new Uint32Array(memory)),
    offsets: shared(table.offsets, (memory) => new Float64Array(memory)),
    labels: shared(table.labels, (memory) => new Int32Array(memory)),
  };
}

// Compiled by `npm run bench`: from the sources each worker would hold a compiler.
const workerFile = path.join(__dirname, '..', '..', 'dist', 'data', 'loader', 'decode-worker.js');

async function measureLoader({
  root,
  work,
  images,
  batchSize,
  workers,
  augment,
}: DataCase): Promise<DataFigures> {
  if (work === 'float32') await Tensor.zeros([1]); // LibTorch itself is not what is measured
  const peak = watchMemory();
  const dataset = await FaceDataset.open(root);
  const table = repeat(dataset.table, images + (warmUpBatches + 1) * batchSize);
  const loader = new DataLoader({ table }, { batchSize, seed: 1, workers, augment, workerFile });
  let start = 0;
  let cpuStart = 0;
  let timed = 0;
  for await (const { index, size, images: pixels, flips, release } of loader.epoch(0)) {
    if (work === 'float32') {
      const tensor = await Tensor.fromImages(pixels, { batch: size, height: side, width: side }, flips);
      tensor.dispose();
    }
    release();
    if (index < warmUpBatches) [start, cpuStart] = [performance.now(), cpuSeconds()];
    else timed += size;
    if (timed >= images) break;
  }
  const share = images / timed;
  const figures = {
    seconds: ((performance.now() - start) / 1000) * share,
    peakExtraBytes: peak(),
    cpuSeconds: (cpuSeconds() - cpuStart) * share,
  };
  await loader.close();
  dataset.close();
  return figures;
}

async function measureOpening({ root }: DataCase): Promise<DataFigures> {
  const peak = watchMemory();
  const start = performance.now();
  const cpuStart = cpuSeconds();
  const dataset = await FaceDataset.open(root, { cache: false });
  const counted = dataset.samplesPerClass.reduce((sum, count) => sum + count, 0);
  const seconds = (performance.now() - start) / 1000;
  if (counted !== dataset.length) throw new Error(`${counted} of ${dataset.length} images were counted`);
  dataset.close();
  return { seconds, peakExtraBytes: peak(), cpuSeconds: cpuSeconds() - cpuStart };
}

/** Decoding from memory into memory and nothing else, on as many threads. */
async function measureLimit({ root, images, workers }: DataCase): Promise<DataFigures> {
  const times = await Promise.all(
    Array.from({ length: workers }, () => {
      const worker = new Worker(__filename, {
        workerData: { root, images: images / workers },
        execArgv: ['-r', 'ts-node/register/transpile-only'],
      });
      return new Promise<number>((resolve, reject) => {
        worker.once('message', resolve).once('error', reject);
      });
    }),
  );
  return { seconds: Math.max(...times), peakExtraBytes: null, cpuSeconds: NaN };
}

async function decodeAlone({ root, images }: Pick<DataCase, 'root' | 'images'>): Promise<number> {
  const dataset = await FaceDataset.open(root);
  const encoded = Array.from({ length: Math.min(1000, dataset.length) }, (_, i) => dataset.read(i).image);
  const out = Buffer.alloc(side * side * 3);
  const decode = (count: number) => {
    for (let i = 0; i < count; i++) decompressSync(encoded[i % encoded.length]!, out, { format: FORMAT_RGB });
  };
  decode(1000);
  const start = performance.now();
  decode(images);
  return (performance.now() - start) / 1000;
}

async function main(): Promise<void> {
  if (!isMainThread) {
    parentPort?.postMessage(await decodeAlone(workerData as DataCase));
    return;
  }
  const options = JSON.parse(process.argv[2] ?? '') as DataCase;
  const measure = { uint8: measureLoader, float32: measureLoader, limit: measureLimit, open: measureOpening };
  console.log(JSON.stringify(await measure[options.work](options)));
}

void main();
