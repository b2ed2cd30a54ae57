import { dataSection } from '../data/options';
import { distributedSection } from '../distributed/options';
import { headSection } from '../head/options';
import { backboneSection } from '../nn/options';
import { optimizerSection, scheduleSection } from '../optim/options';
import { lazySchema, type Output } from '../options/schema';
import { runtimeSection } from '../runtime/options';
import { syntheticSection } from '../synth/options';
import { trainSection } from './train-section';

/**
 * The whole config: it joins the sections, each of which its component owns. `kappa config print`, the reference, the
 * JSON schema, the error messages and the types below are all read from it.
 */
export const configSchema = lazySchema((z) =>
  z.strictObject({
    name: z
      .string()
      .regex(/^[\w-][\w.-]*$/)
      .meta({ expected: 'a name of letters, digits, "_", "-" and "."' })
      .describe('name of the run; its folder is output/name'),
    seed: z.int().min(0).max(0xffffffff).default(42).describe('seed of everything random'),
    output: z.string().min(1).default('runs').describe("folder that holds the runs' folders"),
    data: dataSection()
      .extend({
        synthetic: syntheticSection()
          .nullable()
          .default(null)
          .describe('the embedded synthetic face set, used where data.root is null ({} for its defaults)'),
      })
      .prefault({})
      .describe('training and verification sets'),
    backbone: backboneSection(),
    head: headSection(),
    optimizer: optimizerSection(),
    schedule: scheduleSection(),
    train: trainSection(),
    distributed: distributedSection(),
    runtime: runtimeSection(),
  }),
);

/** A validated config with every default filled in, as a run uses and saves it. */
export type ResolvedConfig = Output<typeof configSchema>;
