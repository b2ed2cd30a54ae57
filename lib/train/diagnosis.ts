import type { ResolvedConfig } from '../config/schema';
import type { Batch } from '../data/loader/data-loader';
import { describeSample } from '../data/sample-table';
import type { LayerValues } from '../native/contract';
import { scope } from '../tensor/scope';
import type { FailedStep } from './failed-step';
import { restoreRandomStates } from './restore';
import { firstNotFinite } from './save';
import type { Session } from './session';
import { labelsOf, toDevice } from './batch-input';

/** What is known of a step that failed; also `not-finite.json` in the run's folder. */
export interface Diagnosis extends FailedStep {
  /** The tensor of the weights that holds values which are not finite, if one does. */
  weights: string | undefined;
  /** The first output that was not finite, in the order of the layers; `loss` behind the last one. */
  firstOutput: LayerValues | undefined;
  /** The first gradient that was not finite, in the order of the backward pass. */
  firstGradient: LayerValues | undefined;
  /** The largest output of a layer that is finite. */
  largestOutput: LayerValues | undefined;
  /** Cosines of the embeddings and their classes' centres, and the embeddings' lengths: least, mean and largest. */
  targetCosines: [number, number, number];
  embeddingNorms: [number, number, number];
  samples: { sample: string; label: number }[];
  /** The losses of the steps before, the newest last. */
  recentLosses: number[];
}

type Found = Omit<Diagnosis, keyof FailedStep | 'weights' | 'samples' | 'recentLosses'>;

/**
 * Runs the step that failed once more, from where it began, and looks at every layer. Nothing of the model changes, but
 * for random numbers that are drawn.
 */
export async function diagnose(
  session: Session,
  config: ResolvedConfig,
  failed: FailedStep,
): Promise<Diagnosis> {
  const { model, loader, dataset } = session;
  const { backbone, head, optimizer } = model;
  const weights = await firstNotFinite({ backbone: backbone.stateDict(), head: head.stateDict() });
  const before = await session.randomBefore;
  if (before) await restoreRandomStates(before, backbone.options.device);
  // PartialFC draws its classes by this counter, once a step.
  await head.stateDict().get('samplerStep')?.subInPlace(1);
  const samples: Diagnosis['samples'] = [];
  let found: Found | undefined;
  await backbone.keepBuffers();
  try {
    const batches: Batch[] = [];
    for await (const batch of loader.epoch(failed.epoch, { startBatch: failed.startBatch }))
      if (batches.push(batch) === config.train.accumulate) break;
    await scope(async () => head.drawClasses(await Promise.all(batches.map(labelsOf))));
    for (const batch of batches) {
      batch.sampleIndex.forEach((sample, i) =>
        samples.push({ sample: describeSample(dataset.table, sample), label: batch.labels[i] ?? -1 }),
      );
      // What is told is of the batch in which it happened: of one without it only where nothing happens any more. Several
      // ranks look at all of their batches together, whatever each finds.
      const isOver = found?.firstOutput !== undefined || found?.firstGradient !== undefined;
      const seen = isOver && !model.ranks ? undefined : await look(session, batch, failed.lossScale);
      if (!isOver) found = seen;
      batch.release();
    }
  } finally {
    await backbone.restoreBuffers();
    await optimizer.zeroGrad();
  }
  if (!found) throw new Error('the batch could not be read again');
  return { ...failed, weights, ...found, samples, recentLosses: [...session.recentLosses] };
}

function look({ model }: Session, batch: Batch, lossScale = 1): Promise<Found> {
  const { backbone, head } = model;
  return scope(async () => {
    let loss = NaN;
    let cosines: number[] = [];
    let norms: number[] = [];
    const { outputs, gradients } = await backbone.traced(async () => {
      const input = await toDevice(batch, backbone.options.imageSize, backbone.options.device);
      const embeddings = await backbone.forward(input.images);
      norms = await embeddings.detach().norm(1).toArray();
      const given = await head.forwardWithCosines(embeddings, input.labels);
      cosines = await given.targetCosines.toArray();
      loss = await given.loss.detach().item();
      if (Number.isFinite(loss)) await given.loss.mul(lossScale).backward();
    });
    const isBad = ({ notFinite }: LayerValues): boolean => notFinite > 0;
    const lossOutput = { layer: 'loss', bytes: 4, notFinite: 1, largest: 0 };
    return {
      firstOutput: outputs.find(isBad) ?? (Number.isFinite(loss) ? undefined : lossOutput),
      firstGradient: gradients.find(isBad),
      largestOutput: outputs.reduce<LayerValues | undefined>(
        (most, layer) => (layer.largest > (most?.largest ?? -1) ? layer : most),
        undefined,
      ),
      targetCosines: rangeOf(cosines),
      embeddingNorms: rangeOf(norms),
    };
  });
}

function rangeOf(values: readonly number[]): [number, number, number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [Math.min(...values), mean, Math.max(...values)];
}
