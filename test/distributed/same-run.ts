// The same training on any number of ranks, for the tests that hold one against the others.
import type { Batch } from '../../lib';
import type { ProcessGroup } from '../../lib/distributed/process-group';
import { manualSeed, setThreads } from '../../lib/runtime/settings';
import { makeModel, type Model } from '../../lib/train/model';
import { trainStep } from '../../lib/train/step';
import { tinyConfig } from '../support/tiny-run';

export interface SameRunOptions {
  kind: 'memory' | 'momentum';
  sampleRate: number;
  rows?: 'sampled' | 'all';
  /** Forward passes of a step on all ranks together. */
  passes: number;
  steps: number;
  /** A step in which one pass has an embedding that is not finite. */
  broken?: { step: number; pass: number };
  compression?: 'none' | 'bfloat16' | 'float16';
  syncBatchNorm?: boolean;
}

export interface SameRunResult {
  losses: number[];
  cosines: number[];
  updated: boolean[];
  margins: number[];
  centres: number[];
  kappa: number[];
  weights: number[];
  statistics: number[];
}

/** So low that roundings do not grow from step to step. */
const LR = 2e-4;
/** Images in a forward pass. */
const BATCH = 4;
/** No multiple of 2, 3 or 4; a step has some of them only. */
const CLASSES = 31;
const CLASSES_OF_A_STEP = 8;
const IMAGES_OF_A_CLASS = 3;
const SIDE = 112;

function batchOf(step: number, pass: number): Batch {
  const labels = Array.from(
    { length: BATCH },
    (_, i) => (step * 5 + ((pass * BATCH + i) % CLASSES_OF_A_STEP)) % CLASSES,
  );
  const samples = labels.map((label, i) => {
    const image = Math.floor((pass * BATCH + i) / CLASSES_OF_A_STEP) % IMAGES_OF_A_CLASS;
    return label * IMAGES_OF_A_CLASS + image;
  });
  const images = new Uint8Array(BATCH * SIDE * SIDE * 3);
  for (let i = 0; i < images.length; i++) {
    const sample = samples[Math.floor(i / (SIDE * SIDE * 3))] as number;
    images[i] = (sample * 37 + ((i * (sample + 3)) >> 6)) % 256;
  }
  return {
    images,
    labels: Int32Array.from(labels),
    sampleIndex: Int32Array.from(samples),
    flips: Uint8Array.from(samples, (sample) => sample % 2),
    size: BATCH,
    index: 0,
    release: () => undefined,
  };
}

/** Trains a small network; alone it makes all passes of a step, one of several ranks its own. */
export async function sameRun(
  group: ProcessGroup | undefined,
  options: SameRunOptions,
): Promise<SameRunResult> {
  const { kind, sampleRate, rows = 'sampled', passes, steps, broken } = options;
  const { compression = 'none', syncBatchNorm = false } = options;
  await setThreads(1);
  await manualSeed(9);
  const config = tinyConfig('x', 'x', { head: { concentration: { kind }, sampleRate, rows } });
  config.backbone.dropout = 0;
  config.backbone.precision = 'float32';
  config.head.precision = 'float32';
  config.distributed = { ...config.distributed, compression, syncBatchNorm, bucketMiB: 0.01 };
  const model = await makeModel(config, new Array<number>(CLASSES).fill(IMAGES_OF_A_CLASS), group);
  const { backbone, head, optimizer, ranks } = model;
  const own = passes / (group?.worldSize ?? 1);
  const first = (group?.rank ?? 0) * own;
  const result: SameRunResult = {
    ...{ losses: [], cosines: [], updated: [], margins: [] },
    ...{ centres: [], kappa: [], weights: [], statistics: [] },
  };
  for (let step = 0; step < steps; step++) {
    const batches = Array.from({ length: own }, (_, i) => batchOf(step, first + i));
    const isBroken = broken?.step === step && broken.pass >= first && broken.pass < first + own;
    const work = () => trainStep(model, batches, { lr: LR, clipNorm: 5 });
    const made = await (isBroken ? withBrokenForward(model, work) : work());
    result.losses.push(made.loss);
    result.cosines.push(made.targetCosine);
    result.updated.push(made.updated);
    if (step % 3 === 2) await head.endEpoch();
  }
  const ofAll = async (own: number[]): Promise<number[]> => {
    if (!group) return own;
    return (await group.gatherText(JSON.stringify(own))).flatMap((text) => JSON.parse(text) as number[]);
  };
  result.margins = await ofAll(await head.margins.toArray());
  result.centres = await ofAll(await head.centres.toArray());
  result.kappa = (await head.concentrations()) ?? [];
  for (const tensor of backbone.parameters()) result.weights.push(...(await tensor.toArray()));
  for (const [name, tensor] of backbone.stateDict())
    if (/running|num_batches/.test(name)) result.statistics.push(...(await tensor.toArray()));
  ranks?.reducer.dispose();
  backbone.dispose();
  head.dispose();
  optimizer.dispose();
  return result;
}

/** Does a step whose embeddings are not finite, on this rank. */
async function withBrokenForward<T>({ backbone }: Model, work: () => Promise<T>): Promise<T> {
  const forward = backbone.forward.bind(backbone);
  backbone.forward = async (images) => (await forward(images)).mul(NaN);
  try {
    return await work();
  } finally {
    backbone.forward = forward;
  }
}
