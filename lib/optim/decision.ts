/**
 * The decision whether a step is taken: one float32 number, `found`, on the device of the gradients. It is 0 as long as
 * everything that was looked at is finite; whoever looks adds to it, and an optimizer moves nothing where it is not 0.
 * So nobody has to wait for the device before the end of the step.
 */
import { submit } from '../native/submit';
import { Tensor } from '../tensor/tensor';

/** The number of a step in which nothing was found yet. */
export async function nothingFound(device = 'cpu'): Promise<Tensor> {
  const found = Tensor.empty([1], { device });
  await found.fill(0);
  return found;
}

/** Adds how many elements of the values are not finite. */
export async function noteNotFinite(found: Tensor, values: readonly Tensor[]): Promise<void> {
  const [note, handles] = [found.handle, values.map((value) => value.handle)];
  return submit((addon) => addon.noteNotFinite(note, handles));
}

/** The numbers of tensors of one element each, in one transfer: the one time a step that the device is waited for. */
export async function readNumbers(tensors: readonly Tensor[]): Promise<number[]> {
  const handles = tensors.map((tensor) => tensor.handle);
  return submit((addon) => addon.readNumbers(handles));
}
