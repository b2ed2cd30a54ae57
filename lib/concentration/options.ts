import { lazySchema, type Output, type Z } from '../options/schema';
import { fraction } from '../options/types';

/** How class sums become margins (KappaFace, equations 6 to 12). */
export const marginRuleShape = (z: Z) => ({
  temperature: z.number().min(0).default(0.4).describe('T: how sharply concentration moves the margin'),
  gamma: fraction(z).default(0.7).describe('weight of concentration against the number of images'),
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
});

const memoryShape = (z: Z) => ({
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

const momentumShape = (z: Z) => ({
  momentum: z
    .number()
    .min(0)
    .lt(1)
    .default(0.9)
    .describe('share of its own weights that the encoder keeps at each step'),
});

export const marginRuleOptions = lazySchema((z) => z.strictObject(marginRuleShape(z)));
export const memoryOptions = lazySchema((z) => z.strictObject(memoryShape(z)));
export const momentumOptions = lazySchema((z) => z.strictObject(momentumShape(z)));

/** The section `head.concentration` of a config. */
export const concentrationSection = lazySchema((z) =>
  z
    .discriminatedUnion('kind', [
      z.strictObject({
        kind: z
          .literal('momentum')
          .optional()
          .transform(() => 'momentum' as const)
          .describe(
            'momentum encoder: features of a slowly following copy of the backbone, summed over the epoch',
          ),
        ...momentumShape(z),
      }),
      z.strictObject({
        kind: z.literal('memory').describe('memory buffer: one stored unit vector for each training image'),
        ...memoryShape(z),
      }),
    ])
    .prefault({})
    .describe('how the concentrations of the classes are estimated'),
);

export type ConcentrationSection = Output<typeof concentrationSection>;
