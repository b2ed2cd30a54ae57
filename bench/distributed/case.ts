// One rank of a measurement, in a process of its own, with RANK, WORLD_SIZE and MASTER_PORT:
// node -r ts-node/register/transpile-only bench/distributed/case.ts JSON
import { ArcFaceHead, IResNet, SGD, Tensor, manualSeed, scope, setThreads, synchronize } from '../../lib';
import { GradientReducer } from '../../lib/distributed/gradient-reducer';
import { ProcessGroup } from '../../lib/distributed/process-group';
import { median } from '../median';

export interface DistributedCase {
  kind: 'training' | 'head';
  depth: 18;
  widthMultiplier: number;
  embeddingSize: number;
  classes: number;
  /** Samples of each rank. */
  batch: number;
  compression: 'none' | 'bfloat16';
  steps: number;
}

export interface DistributedFigures {
  /** Median seconds of a step. */
  seconds: number;
  /** Bytes that the rank sent in a step, at least. */
  bytes: number;
  /** Seconds of a step in which computing waited for an exchange; the gradients' go on beside it. */
  waiting: number;
  /** Parameters of the backbone. */
  parameters: number;
  peakBytes: number;
}

async function joined(): Promise<ProcessGroup | undefined> {
  const [rank, worldSize, masterPort] = ['RANK', 'WORLD_SIZE', 'MASTER_PORT'].map((name) =>
    Number(process.env[name]),
  ) as [number, number, number];
  if (worldSize === 1) return undefined;
  return ProcessGroup.join({ rank, worldSize, masterAddress: '127.0.0.1', masterPort }, { timeout: 120 });
}

async function measure(options: DistributedCase): Promise<DistributedFigures> {
  await setThreads(1);
  await manualSeed(1);
  const group = await joined();
  const { embeddingSize, classes, batch, widthMultiplier, depth, compression } = options;
  const head = new ArcFaceHead({ numClasses: classes, embeddingSize, precision: 'float32', group });
  const backbone =
    options.kind === 'training'
      ? new IResNet({ depth, widthMultiplier, embeddingSize, precision: 'float32' })
      : undefined;
  const trained = backbone?.parameters() ?? [];
  const optimizer = new SGD([...trained, ...head.parameters()], { lr: 0.01, momentum: 0.9 });
  const reducer = group && backbone && new GradientReducer(group, trained, { compression });
  const images = backbone && (await Tensor.randn([batch, 3, 112, 112])).keep();
  const embeddings = (await Tensor.randn([batch, embeddingSize])).keep();
  embeddings.requiresGrad = backbone === undefined;
  const labels = (await Tensor.randint(0, classes, [batch])).keep();
  const step = (): Promise<void> =>
    scope(async () => {
      const given = backbone && images ? await backbone.forward(images) : embeddings;
      const loss = await head.forward(given, labels);
      await (reducer ? reducer.backward(loss) : loss.backward());
      await optimizer.step();
      await optimizer.zeroGrad({ setToNone: reducer === undefined });
      if (!backbone) await embeddings.zeroGrad();
      await synchronize();
    });
  for (let i = 0; i < 3; i++) await step();
  const before = group?.traffic;
  const seconds: number[] = [];
  for (let i = 0; i < options.steps; i++) {
    const start = performance.now();
    await step();
    seconds.push((performance.now() - start) / 1000);
  }
  const after = group?.traffic;
  const perStep = (key: 'bytes' | 'seconds'): number =>
    ((after?.[key] ?? 0) - (before?.[key] ?? 0)) / options.steps;
  await group?.leave();
  return {
    seconds: median(seconds),
    bytes: perStep('bytes'),
    waiting: perStep('seconds'),
    parameters: trained.reduce((sum, { size }) => sum + size, 0),
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}

void measure(JSON.parse(process.argv[2] ?? '') as DistributedCase).then((figures) =>
  console.log(JSON.stringify(figures)),
);
