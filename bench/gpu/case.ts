// Measures cases on a device, one after another: a line of JSON in, a line of JSON out.
// node -r ts-node/register/transpile-only bench/gpu/case.ts
import readline from 'node:readline';

import {
  ArcFaceHead,
  IResNet,
  SGD,
  Tensor,
  Trainer,
  cuda,
  manualSeed,
  resolveConfig,
  scope,
  synchronize,
} from '../../lib';
import type { IResNetDepth, Precision, StepReport } from '../../lib';
import { cpu } from '../../lib';
import { median } from '../median';

export interface MachineCase {
  kind: 'machine';
  device: string;
  /** Rows and columns of the square products. */
  size: number;
  /** Bytes that are copied. */
  bytes: number;
}

/** What the device itself can do. */
export interface MachineFigures {
  /** Operations a second of large products, by element type. */
  products: Record<Precision, number>;
  /** Bytes a second of a large copy, read and written ones together. */
  bandwidth: number;
}

export interface HeadCase {
  kind: 'head';
  device: string;
  batch: number;
  classes: number;
  dim: number;
  precision: Precision;
  repeats: number;
}

export interface NetworkCase {
  kind: 'network';
  device: string;
  depth: IResNetDepth;
  widthMultiplier: number;
  batch: number;
  precision: Precision;
  repeats: number;
}

export interface EndToEndCase {
  kind: 'end to end';
  device: string;
  /** Folder of a face set in insightface's layout. */
  root: string;
  /** Where the run's folder goes. */
  output: string;
  depth: IResNetDepth;
  widthMultiplier: number;
  batch: number;
  precision: Precision;
  workers: number;
  /** Steps before the measured ones. */
  warm: number;
  steps: number;
}

export interface StepFigures {
  /** Median seconds of a step. */
  seconds: number;
  /** Highest bytes of all tensors during the steps, what was there before included; null where nothing tells. */
  peakBytes: number | null;
}

export type GpuCase = MachineCase | HeadCase | NetworkCase | EndToEndCase;

async function finish(device: string): Promise<void> {
  await (device === 'cpu' ? synchronize() : cuda.synchronize());
}

/** Median seconds of some work, each time until the device has done it. */
async function timed(device: string, repeats: number, work: () => Promise<unknown>): Promise<number> {
  const warm = 3;
  const times: number[] = [];
  for (let i = 0; i < warm + repeats; i++) {
    const start = performance.now();
    await work();
    await finish(device);
    times.push((performance.now() - start) / 1000);
  }
  return median(times.slice(warm));
}

async function resetPeak(device: string): Promise<void> {
  if (device === 'cpu') return cpu.resetPeakMemory();
  await cuda.emptyCache();
  await cuda.resetPeakMemory();
}

async function peakBytes(device: string): Promise<number> {
  return (await (device === 'cpu' ? cpu.memory() : cuda.memory())).peakAllocated;
}

async function measureMachine({ device, size, bytes }: MachineCase): Promise<MachineFigures> {
  const INNER = 10; // so that a call and its answer do not count
  const rate = async (dtype: Precision): Promise<number> =>
    scope(async () => {
      const a = await (await Tensor.randn([size, size])).to({ device, dtype });
      const seconds = await timed(device, 5, () =>
        scope(() => Promise.all(Array.from({ length: INNER }, () => a.matmul(a)))),
      );
      return (INNER * 2 * size ** 3) / seconds;
    });
  const bandwidth = await scope(async () => {
    const from = Tensor.empty([bytes], { dtype: 'uint8', device });
    const to = Tensor.empty([bytes], { dtype: 'uint8', device });
    await from.fill(1);
    const seconds = await timed(device, 5, () =>
      Promise.all(Array.from({ length: INNER }, () => to.copyFrom(from))),
    );
    return (INNER * 2 * bytes) / seconds;
  });
  const [float32, bfloat16, float16] = [await rate('float32'), await rate('bfloat16'), await rate('float16')];
  return { products: { float32, bfloat16, float16 }, bandwidth };
}

/** A step of the head alone: loss, gradient of the embeddings, update of the centres. */
async function measureHead(options: HeadCase): Promise<StepFigures> {
  const { device, batch, classes, dim, precision, repeats } = options;
  await manualSeed(1);
  const head = new ArcFaceHead({ numClasses: classes, embeddingSize: dim, device, precision });
  const optimizer = new SGD(head.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 5e-4 });
  const embeddings = await (await Tensor.randn([batch, dim])).to({ device });
  embeddings.requiresGrad = true;
  const labels = await Tensor.randint(0, classes, [batch]);
  const step = (): Promise<void> =>
    scope(async () => {
      const loss = await head.forward(embeddings, labels);
      await loss.backward();
      await optimizer.step();
      await optimizer.zeroGrad();
      await embeddings.zeroGrad();
    });
  try {
    await resetPeak(device);
    const seconds = await timed(device, repeats, step);
    return { seconds, peakBytes: await peakBytes(device) };
  } finally {
    for (const owner of [head, optimizer, embeddings, labels]) owner.dispose();
  }
}

/** A step of a network whose loss costs nothing. */
async function measureNetwork(options: NetworkCase): Promise<StepFigures> {
  const { device, depth, widthMultiplier, batch, precision, repeats } = options;
  await manualSeed(1);
  const network = new IResNet({ depth, widthMultiplier, device, precision });
  const optimizer = new SGD(network.parameters(), { lr: 0.01, momentum: 0.9, weightDecay: 5e-4 });
  const images = await (await Tensor.randn([batch, 3, 112, 112]).contiguous('channelsLast')).to({ device });
  const step = (): Promise<void> =>
    scope(async () => {
      const embeddings = await network.forward(images);
      await embeddings.mul(embeddings).mean().backward();
      await optimizer.step();
      await optimizer.zeroGrad();
    });
  try {
    await resetPeak(device);
    const seconds = await timed(device, repeats, step);
    return { seconds, peakBytes: await peakBytes(device) };
  } finally {
    for (const owner of [network, optimizer, images]) owner.dispose();
  }
}

/** Training as users run it, from a record file. */
async function measureEndToEnd(options: EndToEndCase): Promise<StepFigures> {
  const { device, root, output, depth, widthMultiplier, batch, precision, workers, warm, steps } = options;
  const never = 1_000_000;
  const config = resolveConfig({
    name: 'bench',
    output,
    data: { root, validation: [], workers },
    backbone: { depth, widthMultiplier, precision },
    head: { kind: 'arcface', precision },
    runtime: { device },
    train: { epochs: never, batchSize: batch, validateEvery: never, checkpointEvery: never },
  });
  const controller = new AbortController();
  const at: number[] = [];
  const onStep = ({ step }: StepReport): void => {
    at.push(performance.now());
    if (step >= warm + steps) controller.abort();
  };
  await resetPeak(device);
  await new Trainer(config, { onStep, signal: controller.signal }).run();
  const [first = NaN, last = NaN] = [at[warm - 1], at[warm + steps - 1]];
  return { seconds: (last - first) / 1000 / steps, peakBytes: await peakBytes(device) };
}

function measure(options: GpuCase): Promise<MachineFigures | StepFigures> {
  switch (options.kind) {
    case 'machine':
      return measureMachine(options);
    case 'head':
      return measureHead(options);
    case 'network':
      return measureNetwork(options);
    case 'end to end':
      return measureEndToEnd(options);
  }
}

async function main(): Promise<void> {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer: object;
    try {
      answer = await measure(JSON.parse(line) as GpuCase);
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    console.log(JSON.stringify(answer));
  }
}

void main();
