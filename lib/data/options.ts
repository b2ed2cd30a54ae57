import { lazySchema, type Z } from '../options/schema';
import { count } from '../options/types';
import { augmentSection } from './augment/options';
import { decodingShape, orderShape } from './loader/options';
import { sourceSection } from './sources/options';

const rebuildIndex = (z: Z) =>
  z
    .boolean()
    .default(true)
    .describe('make a missing, damaged or outdated train.idx anew by a scan of train.rec (false: stop)');

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
    rebuildIndex: rebuildIndex(z),
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
      .describe(
        'stop when a verification set is missing or cannot be used (false: go on without it, with a warning)',
      ),
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

/** The options of `FaceDataset.open`, without what it calls back. */
export const datasetOptions = lazySchema((z) =>
  z.strictObject({
    numClasses: count(z)
      .optional()
      .describe(
        'the number of classes that is expected; stands in for a missing property where there is one source',
      ),
    imageSize: z
      .tuple([count(z), count(z)])
      .optional()
      .describe(
        'height and width of the images where no source says them: of folders and lists, 112 x 112 if left out',
      ),
    rebuildIndex: rebuildIndex(z),
    allowEmptyClasses: z.boolean().default(false).describe('accept classes without images'),
    cache: z
      .boolean()
      .default(true)
      .describe(
        'keep what a scan found beside the data: labels in train.rec.kappa-index, a missing train.idx; false writes nothing',
      ),
  }),
);
