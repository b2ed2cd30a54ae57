import { dropLast } from '../data/loader/options';
import { lazySchema } from '../options/schema';
import { count } from '../options/types';

/** The section `train` of a config: the loop stands above this room. */
export const trainSection = lazySchema((z) => {
  const every = () => count(z).nullable().default(null);
  return z
    .strictObject({
      epochs: count(z).default(20).describe('passes over the training set'),
      batchSize: z
        .int()
        .min(2)
        .default(128)
        .describe('images in one forward pass (at least 2: batch normalisation)'),
      accumulate: count(z)
        .default(1)
        .describe('forward passes to one optimizer step; the global batch is batchSize * accumulate'),
      dropLast: dropLast(z),
      logEvery: count(z).default(50).describe('steps between lines of metrics.jsonl'),
      tensorboard: z
        .boolean()
        .default(true)
        .describe('write the same for TensorBoard, into tensorboard/ of the run'),
      validateEvery: every().describe('steps between verifications; null: at the end of each epoch'),
      checkpointEvery: every().describe('steps between checkpoints; null: at the end of each epoch'),
      keepCheckpoints: count(z).default(2).describe('newest checkpoints kept besides the best one'),
      checkpointMemory: z
        .union([z.literal('auto'), z.int().min(0)])
        .default('auto')
        .describe(
          'MiB for copies of the weights, so that a checkpoint is written beside training; auto: a quarter of what is free, 0: training waits',
        ),
      maxSkippedSteps: count(z)
        .default(20)
        .describe('steps in a row with a non-finite loss or gradient after which the run stops'),
    })
    .prefault({})
    .describe('the training loop');
});
