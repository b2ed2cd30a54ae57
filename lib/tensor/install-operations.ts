import type { TensorHandle } from '../native/contract';
import { enqueue, submit, traced } from '../native/submit';
import { asInput } from './input';
import type { Input, Source } from './input';
import { inPlaceOperations, tensorOperations, valueOperations } from './operations';
import type { Plan } from './plan';
import { openScope } from './scope';
import type { Tensor, TensorOperations } from './tensor-operations';
import { TensorPromise } from './tensor-promise';
import type { WrapIn } from './tensor-promise';
import { areThere, whenThere } from './when-there';

type Reader<P> = (a: Input, ...args: unknown[]) => P;
type Method = (this: Source, ...args: unknown[]) => unknown;

/** Queues a call; the promise is that of the addon where all operands are there. */
function queue<R>({ inputs, call }: Plan<R, unknown>): Promise<R> {
  if (areThere(inputs)) return enqueue((addon) => call(addon, inputs));
  return new Promise((resolve, reject) => {
    whenThere(
      inputs,
      (given, recording) => resolve(submit((addon) => call(addon, given), recording)),
      reject,
    );
  });
}

/** Calls an operation whose result is something else than one tensor. */
async function evaluate<T>(read: () => Plan<unknown, T>, wrap: WrapIn): Promise<T> {
  const scope = openScope();
  const plan = read();
  let result: unknown;
  try {
    result = await queue(plan);
  } catch (error) {
    throw traced(error);
  }
  return plan.finish(result, (handle) => wrap(handle, scope));
}

function install<P>(
  prototypes: readonly object[],
  readers: object,
  method: (read: Reader<P>) => Method,
): void {
  for (const [name, read] of Object.entries(readers)) {
    const value = Object.defineProperty(method(read as Reader<P>), 'name', { value: name });
    for (const prototype of prototypes) {
      Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
    }
  }
}

/**
 * Makes the operations of the table methods of the classes that are said to have them.
 *
 * @param wrap makes the tensors that operations result in
 */
export function installOperations(prototypes: readonly TensorOperations[], wrap: WrapIn): void {
  install<Plan<TensorHandle, unknown>>(
    prototypes,
    tensorOperations,
    (read) =>
      function (...args) {
        return TensorPromise.of(() => read(this[asInput](), ...args), wrap);
      },
  );
  install<Plan<TensorHandle, unknown>>(
    prototypes,
    inPlaceOperations,
    (read) =>
      function (...args) {
        const target = this instanceof TensorPromise ? this.known : (this as Tensor);
        return TensorPromise.of(() => read(this[asInput](), ...args), wrap, target);
      },
  );
  install<Plan<unknown>>(
    prototypes,
    valueOperations,
    (read) =>
      function (...args) {
        return evaluate(() => read(this[asInput](), ...args), wrap);
      },
  );
}
