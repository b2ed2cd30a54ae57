import { concentrationSection, marginRuleShape } from '../concentration/options';
import { lazySchema, type Output, type Z } from '../options/schema';
import { count, device, embeddingSize, precision } from '../options/types';

/** What every margin head has. */
const commonShape = (z: Z) => ({
  scale: z.number().gt(0).default(64).describe('s: what cosines are multiplied by'),
  precision: precision(z).describe(
    'products of embeddings and centres: auto takes bfloat16 where the machine computes it fast, else float32; targets, softmax and centres stay float32',
  ),
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
  rows: z
    .enum(['sampled', 'all'])
    .default('sampled')
    .describe(
      'PartialFC: which centres a step moves; all: momentum and weight decay also move those that were not drawn, as insightface does since 2022',
    ),
  interclassFilteringThreshold: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe('cosines to other classes above it count as wrong labels; 1: none'),
  memoryBudget: z
    .union([z.literal('auto'), z.int().min(0)])
    .default('auto')
    .describe(
      'bytes of exponentials that wait between forward and update, at most; the rest is computed again. auto: 46 MiB on a CPU, half of the free memory of a GPU',
    ),
});

/** The margin of the target logit; null stands for the default of the kind of head. */
const margin = (z: Z, initial: number, doc: string, below = Math.PI) =>
  z
    .number()
    .min(0)
    .lt(below)
    .nullable()
    .default(initial)
    .transform((value) => value ?? initial)
    .describe(doc);

const beyondPi = (z: Z) =>
  z
    .enum(['extend', 'none'])
    .default('extend')
    .describe('target logit where angle + margin > pi: cos - m sin m (extend) or the plain cosine (none)');

const arcfaceShape = (z: Z) => ({
  margin: margin(z, 0.5, 'm: added to the angle of the target, in radians'),
  beyondPi: beyondPi(z),
  ...commonShape(z),
});

const cosfaceShape = (z: Z) => ({
  margin: margin(z, 0.35, 'm: taken from the cosine of the target', 1),
  ...commonShape(z),
});

const combinedShape = (z: Z) => ({
  margin: margin(z, 0.5, 'm2 of cos(m1 theta + m2) - m3: added to the angle, in radians'),
  angleFactor: z.number().min(1).default(1).describe('m1: factor on the angle'),
  cosineMargin: z.number().min(0).default(0).describe('m3: taken from the cosine'),
  beyondPi: beyondPi(z),
  ...commonShape(z),
});

const kappafaceShape = (z: Z) => ({
  margin: margin(z, 0.8, 'm0: full margin in radians, of which each class has the share psi'),
  beyondPi: beyondPi(z),
  ...marginRuleShape(z),
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
  concentration: concentrationSection(),
  ...commonShape(z),
});

const numClasses = (z: Z) => count(z).describe('classes, each with a centre');

/** What a head has besides in a program: a config has it elsewhere. */
const placeShape = (z: Z) => ({
  embeddingSize: embeddingSize(z),
  seed: z.int().min(0).default(0).describe('seed of the random classes of PartialFC'),
  dtype: z
    .enum(['float32', 'float64'])
    .default('float32')
    .describe('element type of centres and embeddings; float64 needs precision float32'),
  device: device(z).describe('where centres and margins are; embeddings must be there too'),
});

/** PartialFC moves the centres of the classes that it drew, which the fused update alone can. */
const needsFusedUpdate = [
  (head: { sampleRate: number; fusedUpdate: boolean }) => head.sampleRate === 1 || head.fusedUpdate,
  { path: ['fusedUpdate'], error: 'expected true where sampleRate is below 1' },
] as const satisfies [unknown, { path: string[]; error: string }];

const needsFloat32 = [
  (head: { precision: string; dtype: string }) =>
    ['auto', 'float32'].includes(head.precision) || head.dtype === 'float32',
  { path: ['dtype'], error: "expected 'float32' where precision is not float32" },
] as const satisfies [unknown, { path: string[]; error: string }];

/** The options of an {@link ArcFaceHead}. */
export const arcfaceOptions = lazySchema((z) =>
  z
    .strictObject({ numClasses: numClasses(z), ...placeShape(z), ...arcfaceShape(z) })
    .refine(...needsFusedUpdate)
    .refine(...needsFloat32),
);

/** The options of a {@link CosFaceHead}. */
export const cosfaceOptions = lazySchema((z) =>
  z
    .strictObject({ numClasses: numClasses(z), ...placeShape(z), ...cosfaceShape(z) })
    .refine(...needsFusedUpdate)
    .refine(...needsFloat32),
);

/** The options of a {@link CombinedMarginHead}. */
export const combinedOptions = lazySchema((z) =>
  z
    .strictObject({ numClasses: numClasses(z), ...placeShape(z), ...combinedShape(z) })
    .refine(...needsFusedUpdate)
    .refine(...needsFloat32),
);

/** The options of a {@link KappaFaceHead}, without the number of samples of each class. */
export const kappafaceOptions = lazySchema((z) =>
  z
    .strictObject({ ...placeShape(z), ...kappafaceShape(z) })
    .refine(...needsFusedUpdate)
    .refine(...needsFloat32),
);

/** The section `head` of a config. */
export const headSection = lazySchema((z) =>
  z
    .discriminatedUnion('kind', [
      z
        .strictObject({
          kind: z
            .literal('kappaface')
            .optional()
            .transform(() => 'kappaface' as const)
            .describe('KappaFace: a margin for each class, by its concentration and its number of images'),
          ...kappafaceShape(z),
        })
        .refine(...needsFusedUpdate),
      z
        .strictObject({
          kind: z.literal('arcface').describe('ArcFace: cos(theta + m)'),
          ...arcfaceShape(z),
        })
        .refine(...needsFusedUpdate),
      z
        .strictObject({
          kind: z.literal('cosface').describe('CosFace: cos(theta) - m'),
          ...cosfaceShape(z),
        })
        .refine(...needsFusedUpdate),
      z
        .strictObject({
          kind: z.literal('combined').describe("insightface's combined margin: cos(m1 theta + m2) - m3"),
          ...combinedShape(z),
        })
        .refine(...needsFusedUpdate),
    ])
    .prefault({})
    .describe('the loss over the class centres'),
);

export type HeadSection = Output<typeof headSection>;
