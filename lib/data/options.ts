import { lazySchema } from '../options/schema';
import { count } from '../options/types';
import { augmentSection } from './augment/options';
import { DEFAULT_MAX_RESTARTS } from './loader/options';

/** One of several training sets, in `data.sources` of a config. */
const sourceSection = lazySchema((z) =>
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
      .describe('file of images to leave out (kappa data verify writes one)'),
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
      .describe('file of images of data.root to leave out (kappa data verify writes one)'),
    shuffle: z
      .union([z.boolean(), z.enum(['full', 'block'])])
      .default('full')
      .describe('full: any order; block: for slow disks, in blocks that are read ahead; false: as stored'),
    blockSize: count(z)
      .max(2 ** 20)
      .default(128)
      .describe('consecutive images of a block (shuffle: block)'),
    windowBlocks: count(z)
      .max(2 ** 20)
      .default(256)
      .describe('blocks shuffled together; two such windows are read ahead (shuffle: block)'),
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
    augment: augmentSection(),
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
  }),
);
