import { createRequire } from 'node:module';
import type * as zod from 'zod';

/** zod's builder, handed to whoever builds a schema. */
export type Z = typeof zod.z;

/** Any schema. */
export type Schema = zod.ZodType;

/** What a user writes for a schema, with its defaults left out. */
export type Input<S extends () => Schema> = zod.input<ReturnType<S>>;

/** What comes out of a schema, with every default filled in. */
export type Output<S extends () => Schema> = zod.output<ReturnType<S>>;

const load = createRequire(__filename);

/**
 * A schema that is built at the first question to it, so that whoever imports options loads zod (4 MB, a tenth of a
 * second) only where a value is checked: `require('kappaface')`, `kappa --help` and worker threads never do.
 */
export function lazySchema<S extends Schema>(build: (z: Z) => S): () => S {
  let schema: S | undefined;
  return () => (schema ??= build((load('zod') as { z: Z }).z));
}
