import { lazySchema } from '../options/schema';
import { count } from '../options/types';
import { augmentSection } from './augment/options';
import { decodingShape, orderShape } from './loader/options';

/** One of several training sets, in `data.sources` of a config. */
export const sourceSection = lazySchema((z) =>
  z.strictObject({
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
      .union([count(z), z.array(z.union([z.int().min(0), z.string()])).min(1)])
      .optional()
      .describe('keep only these classes: the first so many, or a list of labels or of names'),
    imagesPerIdentity: count(z).optional().describe('keep at most so many images of each class'),
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

/** The section `data` of a config: training and verification sets. */
export const dataSection = lazySchema((z) =>
  z.strictObject({
    root: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'the training set: a folder with train.rec, or of images (identity/image.jpg), a .rec or .lst file; wins over data.synthetic',
      ),
    sources: z
      .array(sourceSection())
      .default([])
      .describe('several training sets mixed, in place of data.root: [{ root, weight }, ...]'),
    skipList: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('file of images of data.root to leave out (kappa data check writes one)'),
    ...orderShape(z),
    rebuildIndex: z
      .boolean()
      .default(true)
      .describe('make a missing, damaged or outdated train.idx anew by a scan of train.rec (false: stop)'),
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
    ...decodingShape(z),
    augment: augmentSection(),
    imageSize: z.literal(112).default(112).describe('side of the aligned face crops in pixels'),
    numClasses: z
      .int()
      .min(2)
      .nullable()
      .default(null)
      .describe('number of identities the set must have; null takes what is found'),
    source: z
      .string()
      .default('')
      .describe('where to get the set and which layout is expected: shown when it is missing'),
  }),
);
