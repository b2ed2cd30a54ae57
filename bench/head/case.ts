// One measurement of the head in a process of its own: node -r ts-node/register/transpile-only bench/head/case.ts JSON
import { ArcFaceHead, SGD, Tensor, manualSeed } from '../../lib';
import { native } from '../../lib/native/load';
import { watchMemory } from '../memory';
import { median } from '../median';

export interface HeadCase {
  batch: number;
  classes: number;
  dtype: 'float32' | 'bfloat16';
  sampleRate: number;
  repeats: number;
  /** Measure the machine's limit instead of the head. */
  limit: boolean;
}

export interface HeadFigures {
  seconds: number;
  peakExtraBytes: number | null;
}

const dim = 512;

async function step(head: ArcFaceHead, optimizer: SGD, embeddings: Tensor, labels: Tensor): Promise<void> {
  const loss = await head.forward(embeddings, labels);
  await loss.backward();
  await optimizer.step();
  loss.dispose();
}

/** A step of a small head: brings in LibTorch's code, which is no memory of the case. */
async function warmUp(dtype: HeadCase['dtype']): Promise<void> {
  const head = new ArcFaceHead({ numClasses: 256, precision: dtype });
  const optimizer = new SGD(head.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 5e-4 });
  const embeddings = await Tensor.randn([2, dim]);
  embeddings.requiresGrad = true;
  await step(head, optimizer, embeddings, await Tensor.randint(0, 256, [2]));
  head.dispose();
  optimizer.dispose();
}

async function measureHead({ batch, classes, dtype, sampleRate, repeats }: HeadCase): Promise<HeadFigures> {
  await warmUp(dtype);
  await manualSeed(1);
  const head = new ArcFaceHead({ numClasses: classes, precision: dtype, sampleRate });
  const optimizer = new SGD(head.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 5e-4 });
  const embeddings = await Tensor.randn([batch, dim]);
  embeddings.requiresGrad = true;
  const labels = await Tensor.randint(0, classes, [batch]);
  await optimizer.zeroGrad(); // centres and velocities have been written when this is done
  const peak = watchMemory();
  const warm = repeats <= 3 ? 1 : 2;
  const times: number[] = [];
  for (let i = 0; i < repeats + warm; i++) {
    const start = performance.now();
    await step(head, optimizer, embeddings, labels);
    times.push((performance.now() - start) / 1000);
    await embeddings.zeroGrad();
  }
  return { seconds: median(times.slice(warm)), peakExtraBytes: peak() };
}

async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '') as HeadCase;
  const { batch, classes, dtype, sampleRate, repeats } = options;
  const figures = options.limit
    ? {
        seconds: await native().measureHeadLimit({
          batch,
          classes: Math.round(classes * sampleRate),
          dim,
          bf16: dtype === 'bfloat16',
          repeats,
        }),
        peakExtraBytes: null,
      }
    : await measureHead(options);
  console.log(JSON.stringify(figures));
}

void main();
