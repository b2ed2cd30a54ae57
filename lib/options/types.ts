import type { Z } from './schema';

/** Types of options that several rooms have. */

/** A whole number of at least 1. */
export const count = (z: Z) => z.int().min(1);

/** A number from 0 to 1. */
export const fraction = (z: Z) => z.number().min(0).max(1);

/** Dimensions of the embeddings: the backbone's and the head's must be the same. */
export const embeddingSize = (z: Z) => z.int().min(2).default(512).describe('dimensions of the embedding');

/**
 * Arithmetic of products; `bf16` is another spelling of `bfloat16`, `auto` leaves it to the machine
 * (`choosePrecision` in lib/runtime).
 */
export const precision = (z: Z) =>
  z
    .enum(['auto', 'float32', 'bfloat16', 'float16', 'bf16'])
    .meta({ expected: 'one of "auto", "float32", "bfloat16", "float16"' })
    .transform((name) => (name === 'bf16' ? 'bfloat16' : name))
    .default('auto');

/** Where tensors are. */
export const device = (z: Z) =>
  z
    .string()
    .regex(/^(cpu|cuda(:\d+)?)$/)
    .meta({ expected: 'cpu, cuda or cuda:N' })
    .default('cpu');
