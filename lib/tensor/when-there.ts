import { types } from 'node:util';

import type { TensorHandle, TensorInput } from '../native/contract';
import { native } from '../native/load';
import { enqueue, isGradEnabled } from '../native/submit';
import type { Input } from './input';
import type { Given } from './plan';

type Argument = Input | number;
type Here = Given<Argument>;

/** Keeps a tensor for a call that cannot be queued yet, whatever becomes of the object that it was read from. */
class Held {
  /** The handle, or the promise of it while that is pending. */
  #input: TensorInput;
  #isFree = false;

  constructor(input: TensorInput, failed: (error: unknown) => void) {
    // Converts nothing, and so gives the tensor itself under a handle of its own.
    const handle = enqueue((addon) => addon.to(input, null, null, false));
    this.#input = handle;
    handle.then((own) => {
      this.#input = own;
      if (this.#isFree) native().dispose(own);
    }, failed);
  }

  get input(): TensorInput {
    return this.#input;
  }

  free(): void {
    this.#isFree = true;
    if (!types.isPromise(this.#input)) native().dispose(this.#input as TensorHandle);
  }
}

/** Whether no operand is still on its way to the queue. */
export function areThere(inputs: readonly Argument[]): inputs is readonly Here[] {
  return inputs.every((input) => typeof input !== 'function');
}

/**
 * Queues a call when its operands are there: at once where all of them are, else in the moment in which the last one
 * arrives. Operands that are there first are held until then.
 *
 * @param queue makes the call, in the gradient mode of this moment; must not throw
 * @param fail hears of the first operand that fails; nothing is queued then
 */
export function whenThere(
  inputs: readonly Argument[],
  queue: (given: readonly Here[], recording: boolean) => void,
  fail: (error: unknown) => void,
): void {
  const recording = isGradEnabled();
  if (areThere(inputs)) {
    queue(inputs, recording);
    return;
  }
  const places: (Held | number | undefined)[] = inputs.map(() => undefined);
  let isOver = false;
  const end = (): void => {
    isOver = true;
    for (const place of places) if (place instanceof Held) place.free();
  };
  const stop = (error: unknown): void => {
    if (isOver) return;
    end();
    fail(error);
  };
  const put = (i: number, input: Here): void => {
    if (isOver) return;
    try {
      places[i] = typeof input === 'number' ? input : new Held(input, stop);
    } catch (error) {
      stop(error);
      return;
    }
    if (places.includes(undefined)) return;
    queue(
      places.map((place) => (place instanceof Held ? place.input : (place as number))),
      recording,
    );
    end();
  };
  inputs.forEach((input, i) => {
    if (typeof input === 'function') input((arrived) => put(i, arrived), stop);
    else put(i, input);
  });
}
