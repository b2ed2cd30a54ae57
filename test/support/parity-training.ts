import assert from 'node:assert/strict';
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import {
  GradScaler,
  IResNet,
  KappaFaceHead,
  SGD,
  Tensor,
  Trainer,
  clipGradNorm,
  loadConfig,
  manualSeed,
  noGrad,
} from '../../lib';
import type { Precision, ResolvedConfig, StepReport, TrainResult } from '../../lib';
import type { RunState } from '../../lib/run/run-state';
import { numbers, reference, uniformTensor } from './parity';
import type { Outcome, Side } from './parity';

const CLASSES = 40;
const BATCH = 16;

/**
 * Steps with all that belongs to one: network, head, loss scaling in float16, clipping, update, concentration. Tells
 * losses, gradient norms, and how far parameters and centres moved.
 */
export async function trainSteps({ device, precision }: Side, steps: number): Promise<Outcome> {
  await manualSeed(3);
  const shape = { depth: 18, widthMultiplier: 0.25, embeddingSize: 64, imageSize: 64 } as const;
  const first = new IResNet({ ...shape, ...reference });
  const network = new IResNet({ ...shape, device, precision });
  await network.loadStateDict(first.stateDict());
  const samplesPerClass = new Array<number>(CLASSES).fill(4);
  const concentration = { kind: 'memory' } as const;
  const head = new KappaFaceHead({ samplesPerClass, embeddingSize: 64, concentration, device, precision });
  const firstCentres = await uniformTensor([CLASSES, 64], 9, 'cpu');
  await head.centres.copyFrom(firstCentres);
  const optimizer = new SGD([...network.parameters(), ...head.parameters()], { lr: 0.05 });
  const scaler = precision === 'float16' ? new GradScaler({ initialScale: 2 ** 12 }) : undefined;
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 0; step < steps; step++) {
    const images = await uniformTensor([BATCH, 3, 64, 64], 40 + step, device);
    const classes = Array.from({ length: BATCH }, (_, i) => (i * 7 + step) % CLASSES);
    const labels = await Tensor.from(BigInt64Array.from(classes, BigInt));
    const sampleIndex = await Tensor.from(BigInt64Array.from(classes, (c) => BigInt(4 * c + (step % 4))));
    const embeddings = await network.forward(images);
    const loss = await head.forward(embeddings, labels);
    await (scaler ? scaler.scale(loss) : loss).backward();
    if (scaler) await scaler.unscale(optimizer);
    norms.push(await clipGradNorm(network.parameters(), 5));
    losses.push(await loss.item());
    if (scaler) await scaler.step(optimizer);
    else await optimizer.step();
    scaler?.update();
    await head.observe({ images, embeddings: await embeddings.detach(), labels, sampleIndex });
    await optimizer.zeroGrad();
    for (const tensor of [images, labels, sampleIndex, embeddings, loss]) tensor.dispose();
  }
  const moved: number[] = [];
  const before = first.namedParameters();
  for (const [name, parameter] of network.namedParameters()) {
    const was = await numbers(before.get(name) as Tensor);
    // Each parameter counts alike, however small its steps are.
    const now = await numbers(parameter);
    const length = Math.sqrt(was.reduce((sum, value) => sum + value * value, 0)) || 1;
    for (const [i, value] of now.entries()) moved.push((value - (was[i] ?? NaN)) / length);
  }
  const centres = await numbers(head.centres);
  const centresBefore = await numbers(firstCentres);
  const outcome = {
    losses,
    norms,
    parameters: moved,
    centres: centres.map((value, i) => value - (centresBefore[i] ?? NaN)),
  };
  for (const owner of [first, network, head, optimizer, firstCentres]) owner.dispose();
  return outcome;
}

/** Trains until so many steps are done; losses by step. */
async function runUntil(
  config: ResolvedConfig,
  steps: number,
  resume: boolean,
): Promise<[TrainResult, number[]]> {
  const controller = new AbortController();
  const losses: number[] = [];
  const onStep = ({ step, loss }: StepReport): void => {
    losses.push(loss);
    if (step >= steps) controller.abort();
  };
  const result = await new Trainer(config, { resume, onStep, signal: controller.signal }).run();
  return [result, losses];
}

/**
 * A factor on the loss with which float16 overflows nowhere. From 65,536 it would come down in steps that are left out,
 * and which those are is a matter of rounding: a run that leaves out others is another run.
 */
const LOSS_FACTOR = 1024;

/**
 * The losses of the first steps of `configs/base`, from the same weights and in the same order of images on any device and
 * in any precision: the first step is made in float32 on the CPU, and each run goes on from its checkpoint.
 */
export async function baseRun(folder: string, { device, precision }: Side, steps: number): Promise<number[]> {
  const configOf = (side: Side, output: string): Promise<ResolvedConfig> =>
    loadConfig('configs/base', [
      `output=${output}`,
      'data.validation=[]',
      `runtime.device=${side.device}`,
      `backbone.precision=${side.precision}`,
      `head.precision=${side.precision}`,
    ]);
  const start = path.join(folder, `start-${precision}`);
  const [, first] = await runUntil(await configOf(reference, start), 1, false);
  const own = path.join(folder, `${device}-${precision}`);
  cpSync(start, own, { recursive: true });
  goOnIn(precision, path.join(own, 'base'));
  const [result, rest] = await runUntil(await configOf({ device, precision }, own), steps, true);
  assert.equal(result.skippedSteps, 0, 'steps that were left out');
  return [...first, ...rest];
}

/** A run and its checkpoints as if it had been begun in another precision: weights are float32 in each. */
function goOnIn(precision: Precision, run: string): void {
  const edit = (file: string, change: (content: Record<string, unknown>) => void): void => {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    change(content);
    writeFileSync(file, JSON.stringify(content));
  };
  const inPrecision = (config: ResolvedConfig): void => {
    config.backbone.precision = config.head.precision = precision;
  };
  edit(path.join(run, 'config.json'), (content) => inPrecision(content as unknown as ResolvedConfig));
  const checkpoints = path.join(run, 'checkpoints');
  for (const name of readdirSync(checkpoints).filter((entry) => entry.startsWith('step-')))
    edit(path.join(checkpoints, name, 'state.json'), (content) => {
      const { run: state, config } = content.state as { run: RunState; config: ResolvedConfig };
      inPrecision(config);
      if (precision === 'float16') state.lossScaler = { scale: LOSS_FACTOR, goodSteps: 0 };
    });
}

/** Means of so many values each. */
export function windows(values: readonly number[], length: number): number[] {
  return Array.from({ length: Math.floor(values.length / length) }, (_, i) =>
    values.slice(i * length, (i + 1) * length).reduce((sum, value) => sum + value / length, 0),
  );
}

/** Embeddings of images in evaluation mode by a network with the weights of another. */
export async function embedOn(
  { device, precision }: Side,
  weights: IResNet,
  images: (network: IResNet) => Promise<Outcome>,
): Promise<Outcome> {
  const network = new IResNet({ ...weights.options, device, precision });
  await network.loadStateDict(weights.stateDict());
  try {
    return await noGrad(() => images(network));
  } finally {
    network.dispose();
  }
}

/**
 * How far {@link trainSteps} may be from float32 on the CPU; in brackets what was measured there, with float16 in the
 * backbone alone. Parameters feel the slopes of the PReLUs, see `networkBounds`: 2e-3 in float32 after an error of 1e-6,
 * and 9e-2 (bfloat16) or 3e-2 (float16). Losses and norms are sums, where most of it cancels: 1e-3 and 7e-3 (bfloat16),
 * 2e-4 and 7e-4 (float16). Centres move by the embeddings' error: 5e-2 and 7e-3.
 */
export const stepBounds: Record<Precision, Record<string, number>> = {
  float32: { losses: 1e-4, norms: 1e-3, parameters: 1e-2, centres: 2e-3 },
  bfloat16: { losses: 5e-3, norms: 2e-2, parameters: 2e-1, centres: 1.2e-1 },
  float16: { losses: 1e-3, norms: 3e-3, parameters: 7e-2, centres: 2e-2 },
};
