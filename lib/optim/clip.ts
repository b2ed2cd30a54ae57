import { submit } from '../native/submit';
import type { Tensor } from '../tensor/tensor';

/**
 * Scales all gradients so that their joint 2-norm is at most `maxNorm`.
 *
 * @returns the norm before; where it is not finite the gradients are left as they are
 */
export async function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Promise<number> {
  const handles = [...parameters].map((parameter) => parameter.handle);
  return submit((addon) => addon.clipGradientNorm(handles, maxNorm));
}
