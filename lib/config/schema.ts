import { z } from 'zod';
import { dataSchema } from '../data/options';

/**
 * The schema of a training config: the one home of every option's name, type, range, default and doc line.
 * `kappa config print`, the error messages and the types below are all read from it.
 */

/** The additive margin m0 that a head takes when the config names none (radians; a cosine for CosFace). */
const marginByHead = { kappaface: 0.8, arcface: 0.5, cosface: 0.35, combined: 0.5 } as const;

const count = () => z.int().min(1);
const fraction = () => z.number().min(0).max(1);
const every = () => z.int().min(1).nullable().default(null);

const momentumConcentration = z.strictObject({
  kind: z
    .literal('momentum')
    .optional()
    .transform(() => 'momentum' as const)
    .describe('momentum encoder: features of a slowly following copy of the backbone, summed over the epoch'),
  momentum: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .describe('share of its own weights that the encoder keeps at each step'),
});

const memoryConcentration = z.strictObject({
  kind: z.literal('memory').describe('memory buffer: one stored unit vector for each training image'),
  alpha: z
    .number()
    .gt(0)
    .max(1)
    .default(0.9)
    .describe("share of the new feature in the stored one (the paper's alpha is 1 minus this)"),
  storage: z
    .enum(['float32', 'bfloat16'])
    .default('float32')
    .describe('element type of the buffer; bfloat16 needs half the memory'),
});

const warmupEpochs = () =>
  z.number().min(0).default(0).describe('epochs of linear warm-up, step by step, up to the full rate');

const stepSchedule = z.strictObject({
  kind: z
    .literal('step')
    .optional()
    .transform(() => 'step' as const)
    .describe('the rate is multiplied by a factor at each milestone'),
  warmupEpochs: warmupEpochs(),
  milestones: z.array(count()).default([]).describe('epochs, counted from 0, at whose start the rate decays'),
  factor: z.number().gt(0).max(1).default(0.1).describe('what a milestone multiplies the rate by'),
});

const polynomialSchedule = z.strictObject({
  kind: z.literal('polynomial').describe('(1 - t / T)^power over the steps after the warm-up'),
  warmupEpochs: warmupEpochs(),
  power: z.number().gt(0).default(2).describe('exponent of the decay'),
});

const backboneSchema = z.strictObject({
  kind: z.enum(['iresnet']).default('iresnet').describe('family of the backbone'),
  depth: z
    .literal([18, 34, 50, 100, 200])
    .default(50)
    .describe('layers of the IResNet: 18, 34, 50, 100 or 200'),
  embeddingSize: z.int().min(2).default(512).describe('dimensions of the embedding'),
  widthMultiplier: z
    .number()
    .gt(0)
    .max(4)
    .default(1)
    .describe('scales the widths 64, 128, 256, 512 of the four stages'),
  dropout: z.number().min(0).lt(1).default(0).describe('dropout before the last linear layer'),
  precision: z
    .enum(['float32', 'bf16', 'float16'])
    .default('bf16')
    .describe(
      'arithmetic of the convolutions; weights and the last layer stay float32; float16 (for GPUs) scales the loss',
    ),
});

const headSchema = z
  .strictObject({
    kind: z
      .enum(['kappaface', 'arcface', 'cosface', 'combined'])
      .default('kappaface')
      .describe('margin softmax of the class centres'),
    scale: z.number().gt(0).default(64).describe('s: what cosines are multiplied by'),
    margin: z
      .number()
      .min(0)
      .lt(Math.PI)
      .nullable()
      .default(null)
      .describe(
        'm0: margin of the target logit; null: kappaface 0.8, arcface 0.5, cosface 0.35, combined (m2) 0.5',
      ),
    angleFactor: z.number().min(1).default(1).describe('m1 of the combined margin: cos(m1 theta + m2) - m3'),
    cosineMargin: z.number().min(0).default(0).describe('m3 of the combined margin'),
    beyondPi: z
      .enum(['extend', 'none'])
      .default('extend')
      .describe('target logit where angle + margin > pi: cos - m sin m (extend) or the plain cosine (none)'),
    temperature: z.number().min(0).default(0.4).describe('T: how sharply concentration moves the margin'),
    gamma: fraction().default(0.7).describe('weight of concentration against the number of images'),
    convention: z
      .enum(['official', 'paper'])
      .default('official')
      .describe(
        'formulas of the official code (K = 1.05 max n, gamma on wk) or of the paper (K = max n, on ws)',
      ),
    debias: z
      .boolean()
      .default(false)
      .describe('correct the upward bias of the concentration of classes with few images'),
    initialMarginScale: z
      .number()
      .min(0)
      .default(1)
      .describe('psi of every class before concentrations are known'),
    blendEpochs: z
      .int()
      .min(0)
      .default(0)
      .describe('epochs over which the margins move linearly from the initial to the computed ones'),
    concentration: z
      .discriminatedUnion('kind', [momentumConcentration, memoryConcentration])
      .prefault({})
      .describe('how the concentrations of the classes are estimated'),
    precision: z
      .enum(['float32', 'bf16', 'float16'])
      .default('float32')
      .describe('products of embeddings and centres; softmax and centres stay float32'),
    fusedUpdate: z
      .boolean()
      .default(true)
      .describe('move the centres while their gradients are computed: same numbers, less time and memory'),
    sampleRate: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe('PartialFC: share of the classes in each step; below 1 needs fusedUpdate'),
    interclassFilteringThreshold: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe('cosines to other classes above it count as wrong labels; 1: none'),
    memoryBudget: z
      .int()
      .min(0)
      .default(46 * 2 ** 20)
      .describe('bytes that the head keeps between forward and update, at most'),
  })
  .refine((head) => head.sampleRate === 1 || head.fusedUpdate, {
    path: ['fusedUpdate'],
    message: 'must be true where sampleRate is below 1',
  })
  .transform((head) => ({ ...head, margin: head.margin ?? marginByHead[head.kind] }));

const optimizerSchema = z.strictObject({
  kind: z.enum(['sgd']).default('sgd').describe('stochastic gradient descent with momentum'),
  lr: z.number().gt(0).default(0.1).describe('learning rate at the reference batch size'),
  referenceBatchSize: count()
    .default(512)
    .describe('the rate used is lr * (batchSize * accumulate) / referenceBatchSize'),
  momentum: z.number().min(0).lt(1).default(0.9).describe('momentum of the gradient'),
  weightDecay: z.number().min(0).default(5e-4).describe('weight decay of all parameters'),
  clipNorm: z.number().gt(0).default(5).describe("largest 2-norm of the backbone's gradient"),
});

const trainSchema = z.strictObject({
  epochs: count().default(20).describe('passes over the training set'),
  batchSize: z
    .int()
    .min(2)
    .default(128)
    .describe('images in one forward pass (at least 2: batch normalisation)'),
  accumulate: count()
    .default(1)
    .describe('forward passes to one optimizer step; the global batch is batchSize * accumulate'),
  dropLast: z.boolean().default(true).describe('leave out the last, incomplete batch of an epoch'),
  logEvery: count().default(50).describe('steps between lines of metrics.jsonl'),
  validateEvery: every().describe('steps between verifications; null: at the end of each epoch'),
  checkpointEvery: every().describe('steps between checkpoints; null: at the end of each epoch'),
  keepCheckpoints: count().default(2).describe('newest checkpoints kept besides the best one'),
  maxSkippedSteps: count()
    .default(20)
    .describe('steps in a row with a non-finite loss or gradient after which the run stops'),
});

const runtimeSchema = z.strictObject({
  device: z
    .string()
    .regex(/^(cpu|cuda(:\d+)?)$/)
    .meta({ expected: 'cpu, cuda or cuda:N' })
    .default('cpu')
    .describe('where backbone and head are: cpu, or cuda with the addon of npm run build:cuda'),
  threads: z
    .union([z.literal('auto'), count()])
    .default('auto')
    .describe('compute threads; auto takes KAPPA_THREADS or the number of cores'),
});

/** The whole config; `z.input` of it is what a user writes, `z.output` what a run uses. */
export const configSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w-][\w.-]*$/)
    .meta({ expected: 'a name of letters, digits, "_", "-" and "."' })
    .describe('name of the run; its folder is output/name'),
  seed: z.int().min(0).max(0xffffffff).default(42).describe('seed of everything random'),
  output: z.string().min(1).default('runs').describe("folder that holds the runs' folders"),
  data: dataSchema.prefault({}).describe('training and verification sets'),
  backbone: backboneSchema.prefault({}).describe('the network from an image to its embedding'),
  head: headSchema.prefault({}).describe('the loss over the class centres'),
  optimizer: optimizerSchema.prefault({}).describe('how parameters move'),
  schedule: z
    .discriminatedUnion('kind', [stepSchedule, polynomialSchedule])
    .prefault({})
    .describe('learning rate over time'),
  train: trainSchema.prefault({}).describe('the training loop'),
  runtime: runtimeSchema.prefault({}).describe('the machine'),
});

/** A config as it is written: everything but `name` may be left out. */
export type Config = z.input<typeof configSchema>;

/** A validated config with every default filled in, as a run uses and saves it. */
export type ResolvedConfig = z.output<typeof configSchema>;
