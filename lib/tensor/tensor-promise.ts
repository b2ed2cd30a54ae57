import { KappaError } from '../errors';
import type { TensorHandle, TensorInput } from '../native/contract';
import { native } from '../native/load';
import { enqueue, traced } from '../native/submit';
import { asInput } from './input';
import type { Input } from './input';
import { whatComesOf } from './operands';
import type { Plan } from './plan';
import { openScope } from './scope';
import type { Scope } from './scope';
import type { Tensor, TensorOperations } from './tensor-operations';
import { whenThere } from './when-there';

/** Makes the tensor of a handle that has arrived, for the scope in which its operation was called. */
export type WrapIn = (handle: TensorHandle, scope: Scope | null) => Tensor;

type Executor = ConstructorParameters<typeof Promise<Tensor>>[0];

/** An operation that waits until the one before it is queued. */
interface Follower {
  queued: (input: TensorInput) => void;
  failed: (error: unknown) => void;
}

/** How far the operation is. */
type State =
  | { is: 'waiting'; followers: Follower[] } // until its operands are there
  | { is: 'queued'; handle: Promise<TensorHandle> }
  | { is: 'done'; tensor: Tensor }
  | { is: 'freed' }
  | { is: 'failed'; error: unknown };

// The operations are installed by the file of Tensor.
const PromiseWithOperations = Promise as unknown as new (
  executor: Executor,
) => Promise<Tensor> & TensorOperations;

/**
 * What operations return. An operation on it is queued behind its own at once, with the promise of the addon for its
 * operand. `then` tells whether anybody wants the tensor; where nobody has asked for it when it arrives, but an operation
 * has used it, it is an intermediate of a chain and needs no Tensor.
 */
export class TensorPromise extends PromiseWithOperations {
  /** What `then` makes promises anything. */
  static get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  #state: State | undefined; // none where it was made by the constructor, which every promise has
  #target: Tensor | undefined; // where the operation changes a tensor
  #isAwaited = false;
  #isUsed = false;
  /** The last setting of `requiresGrad`: the promise resolves when that has run. */
  #wantsGrad: { value: boolean; done?: Promise<void> } | undefined;
  #resolve!: (tensor: Tensor) => void;
  #reject!: (error: unknown) => void;

  /**
   * Calls an operation: reads its arguments, and queues it when its operands are there.
   *
   * @param read reads the arguments
   * @param target the tensor that the operation changes: the promise resolves to it
   * @internal
   */
  static of(read: () => Plan<TensorHandle, unknown>, wrap: WrapIn, target?: Tensor): TensorPromise {
    let resolve!: (tensor: Tensor) => void;
    let reject!: (error: unknown) => void;
    const promise = new TensorPromise((...functions) => ([resolve, reject] = functions));
    promise.#resolve = resolve;
    promise.#reject = reject;
    promise.#target = target;
    const scope = openScope();
    try {
      const { inputs, call } = read();
      whenThere(
        inputs,
        (given, recording) => promise.#queue(call, given, recording, wrap, scope),
        (error) => promise.#fail(error),
      );
    } catch (error) {
      promise.#fail(error);
    }
    promise.#state ??= { is: 'waiting', followers: [] };
    return promise;
  }

  /** The operands are there. */
  #queue(
    call: Plan<TensorHandle>['call'],
    given: Parameters<typeof call>[1],
    recording: boolean,
    wrap: WrapIn,
    scope: Scope | null,
  ): void {
    const before = this.#state;
    let handle: Promise<TensorHandle>;
    try {
      handle = enqueue((addon) => call(addon, given), recording);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#state = { is: 'queued', handle };
    if (before?.is === 'waiting') for (const follower of before.followers) follower.queued(handle);
    handle.then(
      (arrived) => this.#receive(arrived, wrap, scope),
      (error: unknown) => this.#refuse(error),
    );
  }

  /** The result is there. */
  #receive(handle: TensorHandle, wrap: WrapIn, scope: Scope | null): void {
    if (this.#target) {
      native().dispose(handle);
    } else if (this.#isUsed && !this.#isAwaited) {
      this.#state = { is: 'freed' };
      native().dispose(handle);
      return;
    }
    const tensor = this.#target ?? wrap(handle, scope);
    this.#state = { is: 'done', tensor };
    const setting = this.#wantsGrad?.done;
    if (!setting) {
      this.#resolve(tensor);
      return;
    }
    setting.then(
      () => this.#resolve(tensor),
      (error: unknown) => {
        if (!this.#target) tensor.dispose();
        this.#refuse(error);
      },
    );
  }

  /** An argument is wrong, or an operand failed. */
  #fail(error: unknown): void {
    const before = this.#state;
    this.#state = { is: 'failed', error };
    if (before?.is === 'waiting') for (const follower of before.followers) follower.failed(error);
    if (this.#isUsed) this.#silence();
    this.#reject(error);
  }

  /** The call failed. */
  #refuse(error: unknown): void {
    this.#state = { is: 'failed', error };
    if (this.#isUsed) this.#silence();
    // Thrown in a turn whose outcome settles this promise: from there V8 finds the frames that await it.
    const outcome = Promise.resolve().then((): never => {
      throw traced(error);
    });
    void outcome.then(this.#resolve, this.#reject);
  }

  /** The error reaches the end of the chain: it need not be heard of here as well. */
  #silence(): void {
    void super.then(undefined, () => undefined);
  }

  /**
   * The tensor that this promise resolves to, where that is known already.
   *
   * @internal
   */
  get known(): Tensor | undefined {
    return this.#state?.is === 'done' ? this.#state.tensor : this.#target;
  }

  /** Whether the tensor will require gradients, where that is known: where it was set, or the tensor is there. */
  get requiresGrad(): boolean | undefined {
    return this.#state?.is === 'done' ? this.#state.tensor.requiresGrad : this.#wantsGrad?.value;
  }

  /** Takes its place among the operations; the promise is rejected where the tensor cannot require gradients. */
  set requiresGrad(value: boolean) {
    const state = this.#state;
    const setting: { value: boolean; done?: Promise<void> } = { value };
    const queue = (input: TensorInput): void => {
      setting.done = enqueue((addon) => addon.setRequiresGrad(input, value));
      setting.done.catch(() => undefined); // reported by #receive, or the operation failed itself
    };
    switch (state?.is) {
      case 'waiting':
        state.followers.push({ queued: queue, failed: () => undefined });
        break;
      case 'queued':
        queue(state.handle);
        break;
      case 'done':
        state.tensor.requiresGrad = value;
        return;
      case 'freed':
        throw freedError();
      default:
        return;
    }
    this.#wantsGrad = setting;
  }

  /** @internal */
  [asInput](): Input {
    const state = this.#state;
    if (state === undefined) return whatComesOf(this, 'the promise');
    this.#isUsed = true;
    switch (state.is) {
      case 'waiting':
        return (queued, failed) => state.followers.push({ queued, failed });
      case 'queued':
        return state.handle;
      case 'done':
        return state.tensor.handle;
      case 'freed':
        throw freedError();
      case 'failed':
        this.#silence();
        throw state.error;
    }
  }

  override then<A = Tensor, B = never>(
    onFulfilled?: ((tensor: Tensor) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isAwaited = true;
    if (this.#state?.is === 'freed') this.#reject(freedError());
    return super.then(onFulfilled, onRejected);
  }
}

function freedError(): KappaError {
  return new KappaError(
    'ERR_DISPOSED',
    'This intermediate result of a chain has been freed: await it first to use it again later.',
  );
}
