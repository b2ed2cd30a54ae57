import type { Precision } from '../native/contract';
import { native } from '../native/load';

/** Arithmetic of products, or `auto`: what the machine does fast. */
export type PrecisionChoice = Precision | 'auto';

/**
 * Decides `auto`: bfloat16 where the device has units for it (AVX-512 BF16, AMX, ARM BF16; tensor cores since Ampere),
 * else float32, for emulated it is many times slower. By what the device has and not by a measurement, so that two runs
 * on one machine compute the same.
 *
 * @param device `cpu`, `cuda` or `cuda:N`
 * @throws KappaError `ERR_DEVICE`
 */
export function choosePrecision(asked: PrecisionChoice, device = 'cpu'): Precision {
  if (asked !== 'auto') return asked;
  return native().computesFast('bfloat16', device) ? 'bfloat16' : 'float32';
}

/**
 * The precision to use a trained network in: that of its training where the device computes it fast, else float32, which
 * is finer and faster there.
 *
 * @throws KappaError `ERR_DEVICE`
 */
export function precisionOfUse(trained: PrecisionChoice, device = 'cpu'): Precision {
  if (trained === 'auto') return choosePrecision(trained, device);
  return native().computesFast(trained, device) ? trained : 'float32';
}
