import { lazySchema, type Output } from '../../options/schema';
import { count } from '../../options/types';

/** One of several training sets, in `data.sources` of a config. */
export const sourceSection = lazySchema((z) =>
  z.strictObject({
    root: z
      .string()
      .min(1)
      .optional()
      .describe(
        'folder of a set (train.rec, or identity/image.jpg), .rec or .lst file; of a list: what its paths are relative to (its own folder if left out)',
      ),
    list: z
      .string()
      .min(1)
      .optional()
      .describe('.lst file of im2rec (index, labels, path) or face2rec2 (aligned, path, label, box, points)'),
    weight: z
      .number()
      .gt(0)
      .max(1000)
      .default(1)
      .describe('how many times an epoch draws each image of this source, on average'),
    identities: z
      .union([count(z), z.array(z.union([z.int().min(0), z.string()])).min(1)])
      .optional()
      .describe('keep only these classes: the first so many, or a list of labels or of names, in that order'),
    imagesPerIdentity: count(z)
      .optional()
      .describe('keep at most so many images of each class, the first ones'),
    labels: z
      .enum(['separate', 'shared'])
      .default('separate')
      .describe('append its classes, or share those of the same name (or label) with other shared sources'),
    skipList: z
      .string()
      .min(1)
      .optional()
      .describe('file of images to leave out (kappa data check writes one)'),
    numClasses: count(z).optional().describe('number of classes that it must have; stands in for property'),
  }),
);

/** A source with its defaults. */
export type ResolvedSource = Output<typeof sourceSection>;
