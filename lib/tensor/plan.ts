import type { NativeAddon, TensorHandle } from '../native/contract';
import type { Arrival, Input } from './input';
import type { Tensor } from './tensor-operations';

/** Makes the tensor of a handle that has arrived. */
export type Wrap = (handle: TensorHandle) => Tensor;

/** What stands in a call for an operand once that is there. */
export type Given<I> = Exclude<I, Arrival>;

/** A call whose arguments have been read, but whose operands may still be on their way. */
export interface Plan<R, T = R> {
  readonly inputs: readonly (Input | number)[];
  /** Makes the call of the addon with what the inputs have become. */
  call(addon: NativeAddon, given: readonly Given<Input | number>[]): Promise<R>;
  /** Makes what the caller gets of what the addon gives. */
  finish(result: R, wrap: Wrap): T;
}

type GivenOf<I extends readonly (Input | number)[]> = { [K in keyof I]: Given<I[K]> };

/**
 * Plans a call.
 *
 * @param inputs operands, as they were read
 * @param call makes the call, with each operand in its place; all else that it needs has been read before
 * @param finish makes what the caller gets of what the addon gives; the same by default
 */
export function plan<I extends readonly (Input | number)[], R, T = R>(
  inputs: readonly [...I],
  call: (addon: NativeAddon, ...given: GivenOf<I>) => Promise<R>,
  finish?: (result: R, wrap: Wrap) => T,
): Plan<R, T> {
  return {
    inputs,
    call: (addon, given) => call(addon, ...(given as GivenOf<I>)),
    finish: finish ?? (same as Plan<R, T>['finish']),
  };
}

function same<T>(result: T): T {
  return result;
}
