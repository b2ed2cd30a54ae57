import { clipGradients } from '../optim/clip';
import { nothingFound, noteNotFinite, readNumbers } from '../optim/decision';
import { adopt, openScope, scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { toDevice } from './batch-input';
import type { BatchInput } from './batch-input';
import type { StepBatch } from './batch-source';
import type { Model } from './model';

/** What one optimizer step came to. */
export interface StepResult {
  /** Mean loss over the global batch. */
  loss: number;
  /** 2-norm of the backbone's gradient before clipping; NaN if it was not computed. */
  gradNorm: number;
  /** Mean cosine between the embeddings and the centres of their classes. */
  targetCosine: number;
  /** Whether the parameters were updated: not where loss or gradient were not finite. */
  updated: boolean;
}

/** Images of one forward pass on their way through the step. */
interface Observed extends BatchInput {
  embeddings: Tensor;
}

export interface StepOptions {
  lr: number;
  clipNorm: number;
  /** Called when everything of the step is under way and the device is about to be waited for. */
  onUnderWay?: () => void;
  /** Called where the step failed before anything was updated: everything but the random numbers is as it was. */
  onUndone?: () => void;
}

/**
 * One optimizer step: embeddings, loss, gradients, clipping, update, concentration. Several batches make one global
 * batch: each weighs by its size, so that the gradient is that of the large batch. Where loss or gradient are not
 * finite nothing is updated, running statistics included: that is decided on the device, which is waited for once, when
 * everything of the step is under way.
 */
export async function trainStep(
  model: Model,
  batches: readonly StepBatch[],
  options: StepOptions,
): Promise<StepResult> {
  let isUpdating = false;
  try {
    return await tryStep(model, batches, options, () => (isUpdating = true));
  } catch (error) {
    for (const batch of batches) batch.release();
    if (!isUpdating && (await isUndone(model))) options.onUndone?.();
    throw error;
  }
}

async function isUndone({ backbone, optimizer }: Model): Promise<boolean> {
  try {
    await Promise.all([backbone.restoreBuffers(), optimizer.zeroGrad()]);
    return true;
  } catch {
    return false;
  }
}

async function tryStep(
  { backbone, head, optimizer, scaler }: Model,
  batches: readonly StepBatch[],
  options: StepOptions,
  onUpdate: () => void,
): Promise<StepResult> {
  const globalBatch = batches.reduce((sum, batch) => sum + batch.size, 0);
  return scope(async () => {
    await backbone.keepBuffers();
    const { imageSize, device } = backbone.options;
    const found = await nothingFound(optimizer.device);
    const observed: Observed[] = [];
    const losses: Tensor[] = [];
    const cosines: Tensor[] = [];
    const shares = batches.map(({ size }) => size / globalBatch);
    for (const [i, batch] of batches.entries()) {
      const input = await (batch.input ?? toDevice(batch, imageSize, device));
      for (const tensor of Object.values(input)) adopt(tensor, openScope());
      batch.release();
      const embeddings = await backbone.forward(input.images);
      const { loss, targetCosines } = await head.forwardWithCosines(embeddings, input.labels);
      const weighted = await loss.mul(shares[i] as number);
      await (scaler ? scaler.scale(weighted) : weighted).backward();
      losses.push(weighted);
      cosines.push(await targetCosines.mean());
      observed.push({ ...input, embeddings: await embeddings.detach() });
    }
    await noteNotFinite(found, losses);
    if (scaler) await optimizer.unscaleGradients(scaler.factor, found);
    const foundBefore = await found.clone();
    // A gradient is only clipped for the backbone; that of the centres just has to be finite.
    const norm = await clipGradients(backbone.parameters(), options.clipNorm);
    await noteNotFinite(found, [norm]);
    await head.checkGradients(found);
    onUpdate();
    optimizer.lr = options.lr;
    await optimizer.step(found);
    options.onUnderWay?.();
    const [before, after, gradNorm, ...rest] = (await readNumbers([
      ...[foundBefore, found, norm],
      ...losses,
      ...cosines,
    ])) as [number, number, number, ...number[]];
    const updated = after === 0;
    if (updated) await head.observe(...observed);
    else await backbone.restoreBuffers();
    await optimizer.zeroGrad();
    scaler?.update(updated);
    return {
      loss: weightedSum(rest.slice(0, batches.length)),
      gradNorm: before === 0 ? gradNorm : NaN,
      targetCosine: weightedSum(rest.slice(batches.length), shares),
      updated,
    };
  });
}

function weightedSum(values: readonly number[], weights?: readonly number[]): number {
  return values.reduce((sum, value, i) => sum + value * (weights?.[i] ?? 1), 0);
}
