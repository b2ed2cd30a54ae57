import { argumentError } from '../errors';
import { asInput } from './input';
import type { Arrival, Input, Source } from './input';
import type { Dims, Operand } from './tensor-operations';

function isSource(value: unknown): value is Source {
  return typeof value === 'object' && value !== null && asInput in value;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * Reads an operand that must be a tensor or the promise of one.
 *
 * @throws KappaError `ERR_ARGUMENT`, `ERR_DISPOSED`
 */
export function tensorInput(value: unknown, name: string, expected = 'a Tensor'): Input {
  if (isSource(value)) return value[asInput]();
  if (isPromise(value)) return whatComesOf(value, name, expected);
  throw argumentError(name, expected, value);
}

/** Any promise of a tensor: nothing is queued before it is fulfilled. */
export function whatComesOf(promise: PromiseLike<unknown>, name: string, expected = 'a Tensor'): Arrival {
  return (arrived, failed) => {
    const read = (value: unknown): void => {
      let input: Input;
      try {
        input = tensorInput(value, name, expected);
      } catch (error) {
        failed(error);
        return;
      }
      if (typeof input === 'function') input(arrived, failed);
      else arrived(input);
    };
    // Here, and not after another turn: whoever waits for the same promise may dispose of the tensor next.
    void Promise.resolve(promise).then(read, failed);
  };
}

/** Reads an operand that may be a number as well. */
export function operandInput(value: Operand): Input | number {
  return typeof value === 'number' ? value : tensorInput(value, 'the operand', 'a Tensor or a number');
}

/** Dimensions as the addon takes them; null for all. */
export function dimsInput(dims: Dims | undefined): number[] | null {
  if (dims === undefined) return null;
  return typeof dims === 'number' ? [dims] : [...dims];
}
