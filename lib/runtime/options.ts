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
    })
    .prefault({})
    .describe('the machine'),
);
