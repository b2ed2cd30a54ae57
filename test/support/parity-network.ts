import { IResNet, manualSeed, noGrad } from '../../lib';
import type { IResNetOptions, Precision, Tensor } from '../../lib';
import { numbers, uniformTensor } from './parity';
import type { Outcome, Side } from './parity';

export const smallNetwork: Partial<IResNetOptions> = {
  depth: 18,
  widthMultiplier: 0.25,
  embeddingSize: 64,
  imageSize: 64,
};
const BATCH = 8;
/** After so many the running statistics are those of the batches. */
const SETTLING_BATCHES = 25;
/** float16 gradients below 6e-8 vanish; this keeps those of the first layers above. */
const LOSS_SCALE = 128;

/** The part of the network that a tensor belongs to. */
function partOf(name: string): string {
  return /^layer\d/.exec(name)?.[0] ?? (/^(conv1|bn1|prelu)\b/.test(name) ? 'stem' : 'end');
}

/** Numbers of named tensors, those of each part of the network one after the other. */
async function byPart(
  tensors: Iterable<readonly [string, Tensor | null]>,
  what: string,
  factor = 1,
): Promise<Outcome> {
  const parts: Record<string, number[]> = {};
  for (const [name, tensor] of tensors) {
    if (tensor === null || name.endsWith('num_batches_tracked')) continue;
    const values = (parts[`${what}, ${partOf(name)}`] ??= []);
    for (const value of await numbers(tensor)) values.push(value * factor);
  }
  return parts;
}

/**
 * One pass forward in evaluation mode, and one forward and backward in training mode: embeddings, gradients and running
 * statistics. Weights and first statistics are those of `weights`.
 */
export async function passNetwork(side: Side, weights: IResNet): Promise<Outcome> {
  const network = new IResNet({ ...weights.options, ...side });
  await network.loadStateDict(weights.stateDict());
  const size = weights.options.imageSize;
  const images = await uniformTensor([BATCH, 3, size, size], 5, side.device);
  const direction = await uniformTensor([BATCH, weights.options.embeddingSize], 6, side.device);
  // First, while the running statistics are those of the weights.
  const evaluated = await noGrad(() => network.eval().forward(images));
  const embeddings = await network.train().forward(images);
  await embeddings.mul(direction).sum().mul(LOSS_SCALE).backward();
  const gradients: [string, Tensor | null][] = [];
  for (const [name, parameter] of network.namedParameters()) gradients.push([name, await parameter.grad()]);
  const parameters = network.namedParameters();
  const buffers = [...network.stateDict()].filter(([name]) => !parameters.has(name));
  const outcome: Outcome = {
    embeddings: await numbers(embeddings),
    'embeddings in evaluation': await numbers(evaluated),
    ...(await byPart(gradients, 'gradients', 1 / LOSS_SCALE)),
    ...(await byPart(buffers, 'statistics')),
  };
  for (const [, gradient] of gradients) gradient?.dispose();
  for (const owner of [embeddings, evaluated, images, direction, network]) owner.dispose();
  return outcome;
}

/** Random weights, with running statistics of batches like those of {@link passNetwork}. */
export async function randomNetwork(options: Partial<IResNetOptions>): Promise<IResNet> {
  await manualSeed(1);
  const network = new IResNet({ ...options, precision: 'float32' });
  const size = network.options.imageSize;
  for (let batch = 0; batch < SETTLING_BATCHES; batch++) {
    const images = await uniformTensor([BATCH, 3, size, size], batch, 'cpu');
    (await noGrad(() => network.forward(images))).dispose();
    images.dispose();
  }
  return network;
}

/**
 * How far a network may be from float32 on the CPU; in brackets what was measured there.
 *
 * float32: sums of up to 2,300 products in another order, or by Winograd's transform, which costs a digit: weights that
 * are off by 1e-6 move embeddings by 1e-5. Gradients are another matter: a value beside zero takes the other slope of
 * its PReLU, and a few of them make 3e-3 of a gradient. bfloat16 rounds every layer's operands to 8 bits: embeddings
 * (2e-2) and, by the many values beside zero, gradients (2e-1 in the first layers). float16 has 3 bits more: an eighth
 * of the embeddings' error, and of the gradients' its root, as so many fewer values change sides.
 */
const boundsOf: Record<Precision, { embeddings: number; gradients: number; statistics: number }> = {
  float32: { embeddings: 1e-4, gradients: 1e-2, statistics: 1e-5 },
  bfloat16: { embeddings: 5e-2, gradients: 3e-1, statistics: 5e-3 },
  float16: { embeddings: 8e-3, gradients: 1.2e-1, statistics: 1e-3 },
};

/** Bounds for everything that {@link passNetwork} tells. */
export function networkBounds(precision: Precision): Record<string, number> {
  const { embeddings, gradients, statistics } = boundsOf[precision];
  const parts = ['stem', 'layer1', 'layer2', 'layer3', 'layer4', 'end'];
  return {
    embeddings,
    'embeddings in evaluation': embeddings,
    ...Object.fromEntries(parts.map((part) => [`gradients, ${part}`, gradients])),
    ...Object.fromEntries(parts.map((part) => [`statistics, ${part}`, statistics])),
  };
}
