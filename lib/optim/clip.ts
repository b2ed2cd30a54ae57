import { submit } from '../native/submit';
import { Tensor } from '../tensor/tensor';

/**
 * Scales all gradients so that their joint 2-norm is at most `maxNorm`.
 *
 * @returns the norm before; where it is not finite the gradients are left as they are
 */
export async function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Promise<number> {
  const norm = await clipGradients(parameters, maxNorm);
  try {
    return await norm.item();
  } finally {
    norm.dispose();
  }
}

/** As {@link clipGradNorm}, without waiting for the device: the norm stays there, one float64. */
export async function clipGradients(parameters: Iterable<Tensor>, maxNorm: number): Promise<Tensor> {
  const wrap = Tensor.wrapper();
  const handles = [...parameters].map((parameter) => parameter.handle);
  return wrap(await submit((addon) => addon.clipGradients(handles, maxNorm)));
}

/** The joint 2-norm of all gradients: one float64, where they are. */
export async function gradientNorm(parameters: Iterable<Tensor>): Promise<Tensor> {
  const wrap = Tensor.wrapper();
  const handles = [...parameters].map((parameter) => parameter.handle);
  return wrap(await submit((addon) => addon.gradientNorm(handles)));
}
