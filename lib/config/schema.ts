import { z } from 'zod';
import { DEFAULT_MAX_RESTARTS } from '../data/loader-options';
import { defaultSynthOptions, type SynthOptions } from '../data/synth/options';
import { augmentSchema } from './augment-schema';
import { syntheticDocs } from './synthetic';

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

/** An option of the synthetic set: its default is the set's own. */
const synthetic = (name: keyof SynthOptions, type: z.ZodNumber) =>
  type.default(defaultSynthOptions[name]).describe(syntheticDocs[name]);

const syntheticSchema = z.strictObject({
  seed: synthetic('seed', z.int().min(0).max(0x7fffffff)),
  identities: synthetic('identities', z.int().min(1).max(1_000_000)),
  maxImages: synthetic('maxImages', z.int().min(1).max(10_000)),
  singletons: synthetic('singletons', fraction()),
  verificationIdentities: synthetic('verificationIdentities', z.int().min(2).max(1_000_000)),
  pairs: synthetic('pairs', z.int().min(20).max(100_000).multipleOf(20)),
  verificationDifficulty: synthetic('verificationDifficulty', fraction()),
});

const sourceSchema = z.strictObject({
  root: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder of a set (train.rec, or identity/image.jpg), .rec or .lst file; of a list: what its paths are relative to',
    ),
  list: z.string().min(1).optional().describe('.lst file of im2rec or face2rec2'),
  weight: z
    .number()
    .gt(0)
    .max(1000)
    .default(1)
    .describe('how many times an epoch draws each image of this source, on average'),
  identities: z
    .union([count(), z.array(z.union([z.int().min(0), z.string()])).min(1)])
    .optional()
    .describe('keep only these classes: the first so many, or a list of labels or of names'),
  imagesPerIdentity: count().optional().describe('keep at most so many images of each class'),
  labels: z
    .enum(['separate', 'shared'])
    .default('separate')
    .describe('append its classes, or share those of the same name (or label) with other shared sources'),
  skipList: z
    .string()
    .min(1)
    .optional()
    .describe('file of images to leave out (kappa data verify writes one)'),
  numClasses: count().optional().describe('number of classes that it must have; stands in for property'),
});

const dataSchema = z.strictObject({
  root: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'the training set: a folder with train.rec, or of images (identity/image.jpg), a .rec or .lst file; wins over data.synthetic',
    ),
  sources: z
    .array(sourceSchema)
    .default([])
    .describe('several training sets mixed, in place of data.root: [{ root, weight }, ...]'),
  synthetic: syntheticSchema
    .nullable()
    .default(null)
    .describe('the embedded synthetic face set, used where data.root is null ({} for its defaults)'),
  skipList: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('file of images of data.root to leave out (kappa data verify writes one)'),
  shuffle: z
    .union([z.boolean(), z.enum(['full', 'block'])])
    .default('full')
    .describe('full: any order; block: for slow disks, in blocks that are read ahead; false: as stored'),
  blockSize: count()
    .max(2 ** 20)
    .default(128)
    .describe('consecutive images of a block (shuffle: block)'),
  windowBlocks: count()
    .max(2 ** 20)
    .default(256)
    .describe('blocks shuffled together; two such windows are read ahead (shuffle: block)'),
  rebuildIndex: z
    .boolean()
    .default(true)
    .describe('make a missing or unfit train.idx anew by a scan of train.rec (false: stop)'),
  validationRoot: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('folder of the verification sets; null: that of the training set (of its first source)'),
  validation: z
    .union([z.literal('auto'), z.array(z.string().min(1))])
    .default(['lfw', 'cfp_fp', 'agedb_30'])
    .describe(
      'verification sets: names of .bin files beside the training set, without the extension; auto takes all',
    ),
  validationRequired: z
    .boolean()
    .default(true)
    .describe('stop when a verification set is missing (false: go on without it, with a warning)'),
  workers: z
    .union([z.literal('auto'), z.int().min(0)])
    .default('auto')
    .describe('decode threads; auto: one less than the processors this process may use, 1 to 4'),
  onWorkerCrash: z
    .enum(['restart', 'stop'])
    .default('restart')
    .describe(
      'what the end of a decode thread does: a new one takes over (an image that ends two counts as undecodable), or the run stops',
    ),
  maxWorkerRestarts: z
    .int()
    .min(0)
    .default(DEFAULT_MAX_RESTARTS)
    .describe('decode threads of a run that may end before it stops'),
  flip: z.boolean().default(true).describe('mirror each training image with probability 1/2'),
  augment: augmentSchema
    .prefault({})
    .describe('what else may happen to a training image; all off, as in the official recipe'),
  imageSize: z.literal(112).default(112).describe('side of the aligned face crops in pixels'),
  numClasses: z
    .int()
    .min(2)
    .nullable()
    .default(null)
    .describe('number of identities the set must have; null takes what is found'),
  onCorrupt: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe('what an undecodable training image does: stop the run, or be replaced and counted'),
  source: z
    .string()
    .default('')
    .describe('where to get the set and which layout is expected: shown when it is missing'),
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
