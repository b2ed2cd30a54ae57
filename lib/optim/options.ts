import { lazySchema, type Output, type Z } from '../options/schema';
import { count } from '../options/types';

const sgdShape = (z: Z) => ({
  lr: z.number().gt(0).default(0.1).describe('learning rate'),
  momentum: z.number().min(0).lt(1).default(0.9).describe("share of the last step's direction that stays"),
  weightDecay: z
    .number()
    .min(0)
    .default(5e-4)
    .describe('L2 penalty of all parameters, added to the gradient'),
  nesterov: z.boolean().default(false).describe("Nesterov's momentum"),
});

/** The options of {@link SGD}. */
export const sgdOptions = lazySchema((z) => z.strictObject(sgdShape(z)));

/** What a config says of any optimizer. */
const commonShape = (z: Z) => ({
  referenceBatchSize: count(z)
    .default(512)
    .describe(
      'batch size that lr is meant for: the rate used is lr * batchSize * accumulate * ranks / referenceBatchSize',
    ),
  clipNorm: z.number().gt(0).default(5).describe("largest 2-norm of the backbone's gradient"),
});

/** The section `optimizer` of a config. */
export const optimizerSection = lazySchema((z) =>
  z
    .discriminatedUnion('kind', [
      z.strictObject({
        kind: z
          .literal('sgd')
          .optional()
          .transform(() => 'sgd' as const)
          .describe('stochastic gradient descent with momentum'),
        ...sgdShape(z),
        ...commonShape(z),
      }),
    ])
    .prefault({})
    .describe('how parameters move'),
);

/** The options of a {@link GradScaler}. */
export const gradScalerOptions = lazySchema((z) =>
  z.strictObject({
    initialScale: z.number().gt(0).default(65536).describe('factor on the loss at first'),
    growthFactor: z
      .number()
      .gt(1)
      .default(2)
      .describe('what the factor is multiplied by after growthInterval good steps in a row'),
    backoffFactor: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.5)
      .describe('what the factor is multiplied by after a step whose gradients were not finite'),
    growthInterval: count(z).default(2000).describe('good steps in a row before the factor grows'),
  }),
);

const warmupEpochs = (z: Z) =>
  z.number().min(0).default(0).describe('epochs of linear warm-up, step by step, up to the full rate');

/** The section `schedule` of a config. */
export const scheduleSection = lazySchema((z) =>
  z
    .discriminatedUnion('kind', [
      z.strictObject({
        kind: z
          .literal('step')
          .optional()
          .transform(() => 'step' as const)
          .describe('the rate is multiplied by a factor at each milestone'),
        warmupEpochs: warmupEpochs(z),
        milestones: z
          .array(count(z))
          .default([])
          .describe('epochs, counted from 0, at whose start the rate decays'),
        factor: z.number().gt(0).max(1).default(0.1).describe('what a milestone multiplies the rate by'),
      }),
      z.strictObject({
        kind: z.literal('polynomial').describe('(1 - t / T)^power over the steps after the warm-up'),
        warmupEpochs: warmupEpochs(z),
        power: z.number().gt(0).default(2).describe('exponent of the decay'),
      }),
    ])
    .prefault({})
    .describe('learning rate over time'),
);

export type OptimizerSection = Output<typeof optimizerSection>;
