import { KappaError } from '../errors';
import type { Tensor } from '../tensor/tensor';

/** Tensors by name, in a fixed order. */
export type NamedTensors = Map<string, Tensor>;

/** Something with named tensors that make up its whole state. */
export interface Stateful {
  /** The live tensors themselves, not copies: writing to them changes the object. */
  stateDict(): NamedTensors;
  /**
   * Overwrites the state.
   *
   * @throws KappaError `ERR_CHECKPOINT` naming all tensors that are missing, unknown or of another shape
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>): Promise<void>;
}

/**
 * Overwrites every tensor of a state with the one of the same name.
 *
 * @param what names the state in errors
 * @throws KappaError `ERR_CHECKPOINT` naming all tensors that are missing, unknown or of another shape
 */
export async function copyState(
  target: NamedTensors,
  source: ReadonlyMap<string, Tensor>,
  what: string,
): Promise<void> {
  const problems: string[] = [];
  for (const [name, tensor] of target) {
    const found = source.get(name);
    if (!found) problems.push(`${name} is missing`);
    else if (found.shape.join() !== tensor.shape.join()) {
      problems.push(`${name} has shape [${found.shape.join(', ')}] instead of [${tensor.shape.join(', ')}]`);
    }
  }
  for (const name of source.keys()) {
    if (!target.has(name)) problems.push(`${name} is not known here`);
  }
  if (problems.length > 0) {
    const shown = problems.slice(0, 8).join('; ');
    const more = problems.length > 8 ? `; and ${problems.length - 8} more` : '';
    throw new KappaError(
      'ERR_CHECKPOINT',
      `The saved ${what} does not fit: ${shown}${more}. Was it made with another config?`,
    );
  }
  // A tensor must not be half old, half new in front of the next call: all copies are queued in one go.
  await Promise.all([...target].map(([name, tensor]) => tensor.copyFrom(source.get(name) as Tensor)));
}
