import type { DType, TensorHandle } from '../native/contract';
import type { HostData } from './elements';
import { native } from '../native/load';
import { TensorCore } from './core';
import { checkShape, toHostTensor } from './host';
import type { NestedNumbers } from './host';
import { installOperations } from './install-operations';
import { operandInput, tensorInput } from './operands';
import { plan } from './plan';
import type { Plan, Wrap } from './plan';
import { openScope } from './scope';
import type { Scope } from './scope';
import type { Operand, Tensor as AnyTensor, TensorLike, TensorPromise } from './tensor-operations';
import { TensorPromise as PromiseClass } from './tensor-promise';

/** What a new tensor is like. */
export interface TensorOptions {
  /** Element type; from the data where it says one, else float32. */
  dtype?: DType;
}

/** Where memory is reserved: `cpu` (by default), `cuda` or `cuda:N`. */
export interface DeviceOptions {
  device?: string;
}

// The operations are installed at the end of this file.
const CoreWithOperations = TensorCore as unknown as new (
  handle: TensorHandle,
  scope?: Scope | null,
) => AnyTensor;

/** Calls the addon for a new tensor. */
function compute(read: () => Plan<TensorHandle>): TensorPromise {
  return PromiseClass.of(read, Tensor.wrap);
}

/**
 * An n-dimensional array of LibTorch. Operations return promises, on which further operations can be called, and run
 * on one compute thread in the order of the calls; operands may be used right after the call. Memory is freed by
 * `dispose`, by the surrounding `scope`, or by the garbage collector.
 */
export class Tensor extends CoreWithOperations {
  protected constructor(handle: TensorHandle, scope?: Scope | null) {
    super(handle, scope);
  }

  /**
   * @param scope to which the tensor belongs; if that has ended, the tensor is disposed of at once
   * @internal
   */
  static wrap(handle: TensorHandle, scope?: Scope | null): Tensor {
    return new Tensor(handle, scope);
  }

  /**
   * Makes tensors of what arrives later, for the scope in which this is called.
   *
   * @internal
   */
  static wrapper(): Wrap {
    const scope = openScope();
    return (handle) => Tensor.wrap(handle, scope);
  }

  // Creation.

  /**
   * Makes a tensor from numbers.
   *
   * @param data a TypedArray in row-major order, or numbers nested in arrays; read at the call
   * @param shape sizes; by default the nesting, or one dimension for a TypedArray
   * @param options `copy: false` uses the memory of a TypedArray on a SharedArrayBuffer whose type is the tensor's:
   *   cheap, but the two then change together. Any other is copied all the same: JavaScript may take it away
   * @throws KappaError `ERR_ARGUMENT` where the element type cannot hold a value (a fraction or NaN in an integer
   *   type, 300 in uint8, 70000 in float16), `ERR_SHAPE`, `ERR_DTYPE`
   */
  static from(
    data: HostData | NestedNumbers,
    shape?: readonly number[],
    options: TensorOptions & { copy?: boolean } = {},
  ): TensorPromise {
    return compute(() => {
      const host = toHostTensor(data, shape, options.dtype);
      const take = (options.copy ?? true) ? 'fromHost' : 'fromShared';
      return plan([], (addon) => addon[take](host.data, host.shape, host.dtype));
    });
  }

  /**
   * Reserves memory without filling it.
   *
   * @throws KappaError `ERR_SHAPE`, `ERR_DEVICE`
   */
  static empty(shape: readonly number[], options: TensorOptions & DeviceOptions = {}): Tensor {
    const { dtype = 'float32', device = 'cpu' } = options;
    return Tensor.wrap(native().allocate(checkShape(shape), dtype, device));
  }

  /** Reserves memory of the same shape, element type and layout. */
  static emptyLike(tensor: Tensor): Tensor {
    return Tensor.wrap(native().allocateLike(tensor.handle));
  }

  /** @throws KappaError `ERR_ARGUMENT` where the element type cannot hold the value */
  static full(shape: readonly number[], value: number, options: TensorOptions = {}): TensorPromise {
    return compute(() => {
      const sizes = checkShape(shape);
      return plan([], (addon) => addon.full(sizes, value, options.dtype ?? 'float32'));
    });
  }

  /** A tensor of zeros; float32 on the CPU by default. */
  static zeros(shape: readonly number[], options: TensorOptions = {}): TensorPromise {
    return Tensor.full(shape, 0, options);
  }

  /** A tensor of ones; float32 on the CPU by default. */
  static ones(shape: readonly number[], options: TensorOptions = {}): TensorPromise {
    return Tensor.full(shape, 1, options);
  }

  /** Numbers from `start` up to, not including, `end`. */
  static arange(start: number, end: number, step = 1, options: TensorOptions = {}): TensorPromise {
    return compute(() => plan([], (addon) => addon.arange(start, end, step, options.dtype ?? 'float32')));
  }

  /** Standard normal numbers. */
  static randn(shape: readonly number[], options: TensorOptions = {}): TensorPromise {
    return compute(() => {
      const sizes = checkShape(shape);
      return plan([], (addon) => addon.randn(sizes, options.dtype ?? 'float32'));
    });
  }

  /** Uniform numbers in [0, 1). */
  static rand(shape: readonly number[], options: TensorOptions = {}): TensorPromise {
    return compute(() => {
      const sizes = checkShape(shape);
      return plan([], (addon) => addon.rand(sizes, options.dtype ?? 'float32'));
    });
  }

  /** Uniform integers in [low, high). */
  static randint(
    low: number,
    high: number,
    shape: readonly number[],
    options: TensorOptions = {},
  ): TensorPromise {
    return compute(() => {
      const sizes = checkShape(shape);
      return plan([], (addon) => addon.randint(low, high, sizes, options.dtype ?? 'int64'));
    });
  }

  /** A random order of 0 to n - 1, int64. */
  static randperm(n: number): TensorPromise {
    return compute(() => plan([], (addon) => addon.randperm(n)));
  }

  /**
   * Turns decoded images into the input of a backbone: mirrored where asked, (x / 255 - 0.5) / 0.5, channels_last.
   *
   * @param pixels RGB bytes, batch x height x width x 3; copied at the call, except from a SharedArrayBuffer, which
   *   must stay as it is until the promise resolves
   * @param flips one byte an image, nonzero to mirror it left to right
   * @param options on a CUDA device the bytes go up as they are, and one kernel there does the rest
   * @returns float32 (batch, 3, height, width)
   * @throws KappaError `ERR_SHAPE`, `ERR_DEVICE`
   */
  static fromImages(
    pixels: Uint8Array,
    size: { batch: number; height: number; width: number },
    flips?: Uint8Array,
    options: DeviceOptions = {},
  ): TensorPromise {
    const { batch, height, width } = size;
    const { device = 'cpu' } = options;
    const images = { pixels, batch, height, width, flips: flips ?? null };
    return compute(() => plan([], (addon) => addon.imagesFromHost(images, device)));
  }

  /** Joins tensors along a dimension. */
  static cat(tensors: readonly TensorLike[], dim = 0): TensorPromise {
    return compute(() =>
      plan(
        tensors.map((tensor) => tensorInput(tensor, 'tensors')),
        (addon, ...handles) => addon.cat(handles, dim),
      ),
    );
  }

  /** Joins tensors along a new dimension. */
  static stack(tensors: readonly TensorLike[], dim = 0): TensorPromise {
    return compute(() =>
      plan(
        tensors.map((tensor) => tensorInput(tensor, 'tensors')),
        (addon, ...handles) => addon.stack(handles, dim),
      ),
    );
  }

  /** Takes elements of `a` where the condition holds and of `b` elsewhere. */
  static where(condition: TensorLike, a: Operand, b: Operand): TensorPromise {
    return compute(() =>
      plan(
        [tensorInput(condition, 'condition'), operandInput(a), operandInput(b)],
        (addon, test, left, right) => addon.where(test, left, right),
      ),
    );
  }
}

installOperations([Tensor.prototype, PromiseClass.prototype], Tensor.wrap);
