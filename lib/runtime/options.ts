import { lazySchema } from '../options/schema';
import { count, device } from '../options/types';

/** The section `runtime` of a config. */
export const runtimeSection = lazySchema((z) =>
  z
    .strictObject({
      device: device(z).describe(
        'where backbone and head are: cpu, or cuda with the addon of npm run build:cuda',
      ),
      threads: z
        .union([z.literal('auto'), count(z)])
        .default('auto')
        .describe('compute threads; auto takes KAPPA_THREADS or the number of cores'),
      allowTf32: z
        .boolean()
        .default(false)
        .describe('products and convolutions of float32 in TF32 on GPUs: faster, 10 bits of mantissa'),
      deterministic: z
        .boolean()
        .default(false)
        .describe(
          'algorithms on GPUs that give the same bits each time; otherwise cuDNN takes the fastest by trial',
        ),
    })
    .prefault({})
    .describe('the machine'),
);
