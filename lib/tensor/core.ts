import { inspect } from 'node:util';

import { KappaError } from '../errors';
import type { DType, LiveTensors, TensorHandle } from '../native/contract';
import { native } from '../native/load';
import { enqueue } from '../native/submit';
import { asInput } from './input';
import { adopt, openScope, release } from './scope';
import type { Scope } from './scope';

const FLOATING: readonly DType[] = ['float32', 'float64', 'bfloat16', 'float16'];

/** Life and metadata of a tensor: everything that needs no computation. */
export abstract class TensorCore {
  #handle: TensorHandle | undefined;
  /** Sizes of the dimensions. */
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly #cameLate: boolean;
  /** What `requiresGrad` was set to last, until that has run. */
  #wantsGrad: { value: boolean } | undefined;
  /** Why setting `requiresGrad` failed in its turn. */
  #failure: unknown;

  /** @internal */
  protected constructor(handle: TensorHandle, scope: Scope | null = openScope()) {
    this.#handle = handle;
    this.shape = Object.freeze(native().shape(handle));
    this.dtype = native().dtype(handle);
    this.#cameLate = scope?.ended ?? false;
    adopt(this, scope);
  }

  /**
   * @internal
   * @throws KappaError `ERR_DISPOSED`
   */
  get handle(): TensorHandle {
    return this[asInput]();
  }

  /** @internal */
  [asInput](): TensorHandle {
    if (this.#handle === undefined) {
      const why = this.#cameLate ? ': its scope had ended when it arrived; await it in the scope.' : '.';
      throw new KappaError(
        'ERR_DISPOSED',
        `This tensor of shape [${this.shape.join(', ')}] has been disposed${why}`,
      );
    }
    if (this.#failure !== undefined) throw this.#failure;
    return this.#handle;
  }

  get device(): string {
    return native().device(this.handle);
  }

  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  get isDisposed(): boolean {
    return this.#handle === undefined;
  }

  /** Whether a four-dimensional tensor has its channels next to each other in memory. */
  get isChannelsLast(): boolean {
    return native().isChannelsLast(this.handle);
  }

  /**
   * Whether `backward` computes a gradient for this tensor. Only floating-point leaves can be changed. Setting it takes
   * its place among the operations: those called before do not see it, those called after do.
   */
  get requiresGrad(): boolean {
    const { handle } = this;
    return this.#wantsGrad?.value ?? native().requiresGrad(handle);
  }

  set requiresGrad(value: boolean) {
    const { handle } = this;
    if (value && !FLOATING.includes(this.dtype)) {
      throw new KappaError(
        'ERR_DTYPE',
        `Only floating-point tensors can require gradients, but this is ${this.dtype}.`,
      );
    }
    if (!this.isLeaf) {
      throw new KappaError(
        'ERR_ARGUMENT',
        'Only leaf tensors can change whether they require gradients: detach() makes one.',
      );
    }
    const done = enqueue((addon) => addon.setRequiresGrad(handle, value));
    const mine = { value };
    this.#wantsGrad = mine;
    const end = (): void => {
      if (this.#wantsGrad === mine) this.#wantsGrad = undefined;
    };
    done.then(end, (error: unknown) => {
      end();
      // An operation that waited in the queue made it no leaf any more: the next use of the tensor tells.
      this.#failure = error;
    });
  }

  /** Whether the tensor was made by the user rather than by an operation that records gradients. */
  get isLeaf(): boolean {
    return native().isLeaf(this.handle);
  }

  /** Frees the memory once the operations queued before have run. Further calls do nothing. */
  dispose(): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#handle = undefined;
    release(this);
    native().dispose(handle);
  }

  /** What `using` does at the end of a block: {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Takes the tensor out of its scopes. */
  keep(): this {
    release(this);
    return this;
  }

  /** Shape, element type and device in words; not the elements. */
  toString(): string {
    return `Tensor(${this.dtype})[${this.shape.join(', ')}]${this.isDisposed ? ' (disposed)' : ''}`;
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    return this.toString();
  }
}

/** Live tensors of this environment: what leak tests count. */
export function liveTensors(): LiveTensors {
  return native().liveTensors();
}
