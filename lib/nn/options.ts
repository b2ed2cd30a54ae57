import { lazySchema, type Output, type Z } from '../options/schema';
import { device, embeddingSize, precision } from '../options/types';

/** What makes an IResNet, apart from the images it sees and the device it is on. */
const iresnetShape = (z: Z) => ({
  depth: z
    .literal([18, 34, 50, 100, 200])
    .default(50)
    .describe('layers of the IResNet: 18, 34, 50, 100 or 200'),
  embeddingSize: embeddingSize(z),
  widthMultiplier: z
    .number()
    .gt(0)
    .max(4)
    .refine((value) => Number.isInteger(64 * value), {
      error: ({ input }) =>
        `64 channels times ${String(input)} is no whole number: expected a multiple of 1/64`,
    })
    .default(1)
    .describe('scales the widths 64, 128, 256, 512 of the four stages'),
  dropout: z.number().min(0).lt(1).default(0).describe('dropout before the last linear layer'),
  precision: precision(z).describe(
    'arithmetic of the convolutions: auto takes bfloat16 where the machine computes it fast, else float32; weights, batch statistics and the last layer stay float32; float16 (for GPUs) scales the loss',
  ),
});

/** The options of an {@link IResNet}. */
export const iresnetOptions = lazySchema((z) =>
  z.strictObject({
    ...iresnetShape(z),
    imageSize: z.int().min(16).multipleOf(16).default(112).describe('side of the square images in pixels'),
    device: device(z).describe('where the parameters are'),
  }),
);

/** The section `backbone` of a config. */
export const backboneSection = lazySchema((z) =>
  z
    .discriminatedUnion('kind', [
      z.strictObject({
        kind: z
          .literal('iresnet')
          .optional()
          .transform(() => 'iresnet' as const)
          .describe('IResNet, the residual network of ArcFace'),
        ...iresnetShape(z),
      }),
    ])
    .prefault({})
    .describe('the network from an image to its embedding'),
);

export type BackboneSection = Output<typeof backboneSection>;
