import { lazySchema } from '../options/schema';

/** The section `distributed` of a config: how the ranks of a run work together. */
export const distributedSection = lazySchema((z) =>
  z
    .strictObject({
      timeout: z
        .number()
        .gt(0)
        .max(86_400)
        .default(600)
        .describe(
          'seconds after which a rank that waits for another one gives up, also for its part of a checkpoint',
        ),
      bucketMiB: z
        .number()
        .gt(0)
        .max(4096)
        .default(16)
        .describe("MiB of the backbone's gradients that are sent together while the backward pass goes on"),
      compression: z
        .enum(['none', 'bfloat16', 'float16'])
        .default('none')
        .describe("what the backbone's gradients are sent as; none: float32"),
      statistics: z
        .enum(['merge', 'own'])
        .default('merge')
        .describe(
          'running statistics of batch normalisation: merged over the ranks after each step, as if one rank had made all passes, or each its own',
        ),
      syncBatchNorm: z
        .boolean()
        .default(false)
        .describe('normalise over the batches of all ranks together, with an exchange for each layer'),
    })
    .prefault({})
    .describe('several processes, see kappa launch'),
);
