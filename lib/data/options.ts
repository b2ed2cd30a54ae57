import { z } from 'zod';
import { DEFAULT_MAX_RESTARTS } from './loader/options';
import { defaultSynthOptions, type SynthOptions } from '../synth/options';
import { augmentSchema } from '../config/augment-schema';
import { syntheticDocs } from '../config/synthetic';

const count = () => z.int().min(1);
const fraction = () => z.number().min(0).max(1);

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
    .describe('file of images to leave out (kappa data check writes one)'),
  numClasses: count().optional().describe('number of classes that it must have; stands in for property'),
});

/** The section data: training and verification sets. */
export const dataSchema = z.strictObject({
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
    .describe('file of images of data.root to leave out (kappa data check writes one)'),
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
    .describe(
      'decode threads, 0 for none (decodes in the calling thread); auto: one less than the processors this process may use, 1 to 4',
    ),
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
