import { ArcFaceHead, GradScaler, SGD, Tensor } from '../../lib';
import type { ArcFaceHeadOptions, Precision } from '../../lib';
import { numbers, uniform } from './parity';
import type { Bounds, Outcome, Side } from './parity';

/** A head that both sides train for some steps. */
export interface HeadCase {
  batch: number;
  numClasses: number;
  embeddingSize: number;
  steps: number;
  /** Backward passes to a step. */
  passes?: number;
  /** What a GradScaler multiplies the loss by. */
  lossScale?: number;
  weightDecay?: number;
  options?: Partial<ArcFaceHeadOptions>;
  /** Classes lie around so many directions, and embeddings near their class: many logits are large. */
  groups?: number;
}

export const smallHead: HeadCase = { batch: 48, numClasses: 3000, embeddingSize: 64, steps: 3 };
/** Where rounded logits are felt: a sample has 150 classes at cosines of about 0.8. */
export const nearHead: HeadCase = { ...smallHead, groups: 20 };

/** Vectors around the directions of their groups, at cosines of about 0.9; without groups in any direction. */
export async function vectors(
  classes: readonly number[],
  size: number,
  seed: number,
  groups: number | undefined,
  device: string,
): Promise<Tensor> {
  const values = uniform(classes.length * size, seed);
  if (groups !== undefined) {
    const directions = uniform(groups * size, 77);
    classes.forEach((c, row) => {
      for (let d = 0; d < size; d++)
        values[row * size + d] = 0.5 * values[row * size + d]! + directions[(c % groups) * size + d]!;
    });
  }
  const host = await Tensor.from(values, [classes.length, size]);
  if (device === 'cpu') return host;
  const moved = await host.to({ device });
  host.dispose();
  return moved;
}

/** Classes of a batch, some of them twice. */
export function classesOf(batch: number, numClasses: number, seed: number): number[] {
  return Array.from({ length: batch }, (_, i) => ((i >> 1) * 7919 + 31 * seed) % numClasses);
}

/**
 * Trains the centres: losses, cosines to the own centres, gradients of the embeddings, and how far centres and
 * velocities moved. The first centres are the same on every side.
 */
export async function trainHead(side: Side, { passes = 1, ...given }: HeadCase): Promise<Outcome> {
  const { batch, numClasses, embeddingSize, steps, lossScale, weightDecay = 1e-3, options, groups } = given;
  const head = new ArcFaceHead({ numClasses, embeddingSize, ...side, ...options });
  const optimizer = new SGD(head.parameters(), { lr: 0.2, momentum: 0.9, weightDecay });
  const scaler = lossScale === undefined ? undefined : new GradScaler({ initialScale: lossScale });
  const all = Array.from({ length: numClasses }, (_, c) => c);
  const first = await vectors(all, embeddingSize, 1, groups, side.device);
  await head.centres.copyFrom(first);
  const losses: number[] = [];
  const cosines: number[] = [];
  const gradients: number[] = [];
  for (let step = 0; step < steps; step++) {
    for (let pass = 0; pass < passes; pass++) {
      const seed = 100 + step * passes + pass;
      const classes = classesOf(batch, numClasses, seed);
      const embeddings = await vectors(classes, embeddingSize, seed, groups, side.device);
      embeddings.requiresGrad = true;
      const labels = await Tensor.from(BigInt64Array.from(classes, BigInt));
      const { loss, targetCosines } = await head.forwardWithCosines(embeddings, labels);
      const share = await loss.div(passes);
      await (scaler ? scaler.scale(share) : share).backward();
      losses.push(await loss.item());
      cosines.push(...(await numbers(targetCosines)));
      const gradient = await embeddings.grad();
      gradients.push(...(await numbers(gradient as Tensor)).map((value) => value / (lossScale ?? 1)));
      for (const tensor of [gradient, share, loss, targetCosines, labels, embeddings]) tensor?.dispose();
    }
    if (scaler) {
      await scaler.step(optimizer);
      scaler.update();
    } else await optimizer.step();
    await optimizer.zeroGrad();
  }
  const moved = await head.centres.detach().sub(first);
  const outcome = {
    losses,
    cosines,
    gradients,
    moved: await numbers(moved),
    velocity: await numbers(optimizer.stateDict().get('velocity.0') as Tensor),
  };
  for (const owner of [moved, first, head, optimizer]) owner.dispose();
  return outcome;
}

/**
 * How far a trained head may be from float32 on the CPU.
 *
 * float32: the same sums in another order; 3,000 exponentials of sums of 64 products are good to some 1e-6, and steps
 * carry it on. bfloat16: operands of products are rounded to 8 bits, 2e-3 each, and some of it averages out: 5e-3 were
 * measured on a CPU, where logits and softmax are float32. float16 has 3 bits more than bfloat16. Losses and
 * the cosines of the targets come from sums of their own, in float64: only the steps before make a difference.
 */
export const headBounds = {
  float32: { losses: 1e-5, cosines: 1e-5, gradients: 1e-4, moved: 1e-4, velocity: 1e-4 },
  bfloat16: { losses: 2e-3, cosines: 5e-4, gradients: 2e-2, moved: 2e-2, velocity: 2e-2 },
  float16: { losses: 5e-4, cosines: 1e-4, gradients: 4e-3, moved: 4e-3, velocity: 4e-3 },
} as const satisfies Record<Precision, Record<string, number>>;

/**
 * Bounds for {@link nearHead}: where many logits are large, the roundings of many classes' products cancel (2e-3 were
 * measured in bfloat16), while logits that are rounded themselves make 1e-2.
 */
export function nearBounds(precision: Precision): Bounds {
  const tighter = Object.entries(headBounds[precision]).map(([part, bound]) => [part, 0.3 * bound] as const);
  return Object.fromEntries(tighter);
}
