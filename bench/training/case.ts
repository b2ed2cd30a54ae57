// Trains or embeds in a process of its own until it is killed, and says a line of JSON, a StepTaken, after each step:
// node -r ts-node/register/transpile-only bench/training/case.ts JSON
import zlib from 'node:zlib';

import type * as Library from '../../lib';

export interface TrainingCase {
  mode: 'training' | 'embedding';
  depth: 18 | 34 | 50 | 100 | 200;
  widthMultiplier: number;
  batch: number;
  precision: 'float32' | 'bfloat16';
  /** Use malloc on other threads first: decompress with zlib, decode with sharp. */
  othersAllocate: boolean;
  /** Folder of the library's code to measure, instead of this one's. */
  library?: string;
}

export interface StepTaken {
  /** Seconds of the system's monotonic clock, the same for all processes, at the end of the step. */
  at: number;
  /** Page faults in the step. */
  faults: number;
  /** Highest resident bytes of the process so far. */
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

/** Makes the network and what else a step needs, and returns a step. */
async function prepare(options: TrainingCase): Promise<() => Promise<void>> {
  const library = (await import(options.library ?? '../../lib')) as typeof Library;
  const { IResNet, ArcFaceHead, SGD, Tensor, noGrad, scope, setThreads, synchronize } = library;
  await setThreads();
  const { mode, depth, widthMultiplier, batch, precision } = options;
  const backbone = new IResNet({ depth, widthMultiplier, precision });
  const images = await Tensor.randn([batch, 3, 112, 112]);
  if (mode === 'embedding') {
    backbone.eval();
    return () =>
      scope(async () => {
        await noGrad(() => backbone.forward(images));
        await synchronize();
      });
  }
  const head = new ArcFaceHead({ numClasses: CLASSES });
  const optimizer = new SGD([...backbone.parameters(), ...head.parameters()], { lr: 0.01 });
  const labels = await Tensor.randint(0, CLASSES, [batch]);
  return () =>
    scope(async () => {
      await optimizer.zeroGrad();
      const loss = await head.forward(await backbone.forward(images), labels);
      await loss.backward();
      await optimizer.step();
      await synchronize();
    });
}

async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '') as TrainingCase;
  if (options.othersAllocate) await allocateElsewhere();
  const step = await prepare(options);
  for (;;) {
    const before = process.resourceUsage().minorPageFault;
    await step();
    const at = Number(process.hrtime.bigint()) / 1e9;
    const { minorPageFault, maxRSS } = process.resourceUsage();
    const taken: StepTaken = { at, faults: minorPageFault - before, peakBytes: maxRSS * 1024 };
    process.stdout.write(`${JSON.stringify(taken)}\n`);
  }
}

void main();
