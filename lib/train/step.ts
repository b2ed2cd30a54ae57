import type { ProcessGroup } from '../distributed/process-group';
import { clipGradients } from '../optim/clip';
import { nothingFound, noteNotFinite, readNumbers } from '../optim/decision';
import { adopt, openScope, scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import { labelsOf, toDevice } from './batch-input';
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
  /** Whether this rank or another one is to stop after this step. */
  stopping: boolean;
}

/** Images of one forward pass on their way through the step. */
interface Observed extends BatchInput {
  embeddings: Tensor;
}

export interface StepOptions {
  lr: number;
  clipNorm: number;
  /** Whether this rank is to stop after this step: all ranks hear of it in the same step. @default false */
  stopping?: boolean;
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
 *
 * Over several ranks each makes its part of the global batch, with as many batches of the same size; they decide as one.
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
  { backbone, head, optimizer, scaler, ranks }: Model,
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
    if (head.sampleRate < 1) await head.drawClasses(await Promise.all(batches.map(labelsOf)));
    for (const [i, batch] of batches.entries()) {
      const input = await (batch.input ?? toDevice(batch, imageSize, device));
      for (const tensor of Object.values(input)) adopt(tensor, openScope());
      batch.release();
      const embeddings = await backbone.forward(input.images);
      const { loss, targetCosines } = await head.forwardWithCosines(embeddings, input.labels);
      const weighted = await loss.mul(shares[i] as number);
      const scaled = scaler ? await scaler.scale(weighted) : weighted;
      // The gradients of the earlier batches stay here until those of the last one are there.
      await (ranks && i === batches.length - 1 ? ranks.reducer.backward(scaled) : scaled.backward());
      losses.push(weighted);
      cosines.push(await targetCosines.mean().mul(shares[i] as number));
      observed.push({ ...input, embeddings: await embeddings.detach() });
    }
    await noteNotFinite(found, losses);
    if (scaler) await optimizer.unscaleGradients(scaler.factor, found);
    const foundBefore = await found.clone();
    // A gradient is only clipped for the backbone; that of the centres just has to be finite.
    const norm = await clipGradients(backbone.parameters(), options.clipNorm);
    await noteNotFinite(found, [norm]);
    await head.checkGradients(found);
    const decided = await decideTogether(ranks?.group, found, options.stopping ?? false, cosines);
    onUpdate();
    optimizer.lr = options.lr;
    await optimizer.step(found);
    options.onUnderWay?.();
    await ranks?.group.settle();
    const [before, after, gradNorm, stopping, targetCosine, ...parts] = (await readNumbers([
      ...[foundBefore, found, norm],
      ...[decided.stopping, decided.targetCosine],
      ...losses,
    ])) as [number, number, number, number, number, ...number[]];
    const updated = after === 0;
    if (updated) {
      if (ranks?.mergesStatistics) await backbone.mergeStatistics(ranks.group);
      await head.observe(...observed);
    } else await backbone.restoreBuffers();
    // The reducer's gradients stay in its buckets.
    await optimizer.zeroGrad({ setToNone: ranks === undefined });
    scaler?.update(updated);
    return {
      loss: parts.reduce((sum, value) => sum + value, 0),
      gradNorm: before === 0 ? gradNorm : NaN,
      targetCosine,
      updated,
      stopping: stopping > 0,
    };
  });
}

/** What the ranks decide of a step, each one number on the device. */
interface Decision {
  /** 0 unless a rank is to stop. */
  stopping: Tensor;
  /** Mean cosine to the targets over the samples of all ranks. */
  targetCosine: Tensor;
}

/**
 * Makes `found` that of all ranks, in one exchange of a few numbers: they all make the step or leave it out, and stop after
 * the same one.
 */
async function decideTogether(
  group: ProcessGroup | undefined,
  found: Tensor,
  isStopping: boolean,
  cosines: readonly Tensor[],
): Promise<Decision> {
  const wish = Tensor.emptyLike(found);
  await wish.fill(isStopping ? 1 : 0);
  const own = await Tensor.cat([
    found,
    wish,
    await Tensor.stack([...cosines])
      .sum()
      .reshape([1])
      .to('float32'),
  ]);
  if (group) {
    await group.allReduce(own);
    await found.copyFrom(own.slice(0, 0, 1));
  }
  const stopping = await own.slice(0, 1, 2);
  return { stopping, targetCosine: await own.slice(0, 2, 3).div(group?.worldSize ?? 1) };
}
