// Training and embedding in a process of its own:
// node -r ts-node/register/transpile-only bench/training/case.ts JSON
import zlib from 'node:zlib';

import type * as Library from '../../lib';
import { median } from '../median';

export interface TrainingCase {
  depth: 18 | 34 | 50 | 100 | 200;
  widthMultiplier: number;
  batch: number;
  precision: 'float32' | 'bfloat16';
  seconds: number;
  /** Use malloc on other threads first: decompress with zlib, decode with sharp. */
  othersAllocate: boolean;
  /** Folder of the library's code to measure, instead of this one's. */
  library?: string;
}

export interface TrainingFigures {
  /** Images a second, training and embedding. */
  training: number;
  embedding: number;
  /** Page faults a step, median. */
  faults: number;
  /** Highest resident bytes of the process. */
  peakBytes: number;
}

const CLASSES = 1000;

/** What a program does before it trains: other threads use malloc, and get the arenas. */
async function allocateElsewhere(): Promise<void> {
  const { default: sharp } = await import('sharp');
  const raw = { width: 250, height: 250, channels: 3 as const };
  const jpeg = await sharp(Buffer.alloc(250 * 250 * 3, 120), { raw })
    .jpeg()
    .toBuffer();
  const packed = zlib.gzipSync(Buffer.alloc(1 << 20, 'kappa'));
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      await sharp(jpeg).resize(112, 112).raw().toBuffer();
      await new Promise((resolve) => zlib.gunzip(packed, resolve));
    }),
  );
}

/** Runs steps for so many seconds, at least three; images a second and page faults a step. */
async function repeat(
  seconds: number,
  images: number,
  step: () => Promise<void>,
): Promise<{ rate: number; faults: number }> {
  const faults: number[] = [];
  const start = performance.now();
  let steps = 0;
  for (; steps < 3 || performance.now() - start < 1000 * seconds; steps++) {
    const before = process.resourceUsage().minorPageFault;
    await step();
    faults.push(process.resourceUsage().minorPageFault - before);
  }
  return { rate: (steps * images) / ((performance.now() - start) / 1000), faults: median(faults) };
}

async function measure(options: TrainingCase): Promise<TrainingFigures> {
  if (options.othersAllocate) await allocateElsewhere();
  const library = (await import(options.library ?? '../../lib')) as typeof Library;
  const { IResNet, ArcFaceHead, SGD, Tensor, noGrad, scope, setThreads, synchronize } = library;
  await setThreads();
  const { depth, widthMultiplier, batch, precision } = options;
  const backbone = new IResNet({ depth, widthMultiplier, precision });
  const head = new ArcFaceHead({ numClasses: CLASSES });
  const optimizer = new SGD([...backbone.parameters(), ...head.parameters()], { lr: 0.01 });
  const images = await Tensor.randn([batch, 3, 112, 112]);
  const labels = await Tensor.randint(0, CLASSES, [batch]);
  const train = (): Promise<void> =>
    scope(async () => {
      await optimizer.zeroGrad();
      const loss = await head.forward(await backbone.forward(images), labels);
      await loss.backward();
      await optimizer.step();
      await synchronize();
    });
  const embed = (): Promise<void> =>
    scope(async () => {
      await noGrad(() => backbone.forward(images));
      await synchronize();
    });
  for (let i = 0; i < 3; i++) await train();
  const training = await repeat(options.seconds, batch, train);
  backbone.eval();
  for (let i = 0; i < 2; i++) await embed();
  const embedding = await repeat(options.seconds / 2, batch, embed);
  return {
    training: training.rate,
    embedding: embedding.rate,
    faults: training.faults,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}

async function main(): Promise<void> {
  console.log(JSON.stringify(await measure(JSON.parse(process.argv[2] ?? '') as TrainingCase)));
}

void main();
