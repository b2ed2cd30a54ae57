import { argumentError } from '../errors';
import type { DType, HostArray, HostData, NativeAddon, TensorHandle } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';
import { TensorCore } from './core';
import { checkShape, toHostTensor } from './host';
import type { NestedNumbers } from './host';

/** One dimension, several, or all of them. */
export type Dims = number | readonly number[];

export interface TensorOptions {
  /** Element type; from the data where it says one, else float32. */
  dtype?: DType;
}

/** Where memory is reserved: `cpu` (by default), `cuda` or `cuda:N`. */
export interface DeviceOptions {
  device?: string;
}

/** A tensor or a number that is broadcast against one. */
export type Operand = Tensor | number;

function dimsOf(dims: Dims | undefined): number[] | null {
  if (dims === undefined) return null;
  return typeof dims === 'number' ? [dims] : [...dims];
}

function operand(value: Operand): TensorHandle | number {
  if (value instanceof Tensor) return value.handle;
  if (typeof value === 'number') return value;
  throw argumentError('the operand', 'a Tensor or a number', value);
}

function tensorArgument(value: unknown, name: string): TensorHandle {
  if (!(value instanceof Tensor)) throw argumentError(name, 'a Tensor', value);
  return value.handle;
}

/** Queues an operation and wraps its result. */
async function compute(call: (addon: NativeAddon) => Promise<TensorHandle>): Promise<Tensor> {
  return Tensor.wrap(await submit(call));
}

/**
 * An n-dimensional array of LibTorch. Operations return promises and run on one compute thread in the order of the
 * calls; operands may be used right after the call. Memory is freed by `dispose`, by the surrounding `scope`, or by
 * the garbage collector.
 */
export class Tensor extends TensorCore {
  /** @internal */
  static wrap(handle: TensorHandle): Tensor {
    return new Tensor(handle);
  }

  // Creation.

  /**
   * Makes a tensor from numbers.
   *
   * @param data a TypedArray in row-major order, or numbers nested in arrays
   * @param shape sizes; by default the nesting, or one dimension for a TypedArray
   * @param options `copy: false` shares the memory of a TypedArray whose type is the tensor's: cheap, but the two
   *   then change together
   * @throws KappaError `ERR_SHAPE`, `ERR_DTYPE`
   */
  static async from(
    data: HostData | NestedNumbers,
    shape?: readonly number[],
    options: TensorOptions & { copy?: boolean } = {},
  ): Promise<Tensor> {
    const host = toHostTensor(data, shape, options.dtype);
    return compute((addon) => addon.fromHost(host.data, host.shape, host.dtype, options.copy ?? true));
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

  static async full(shape: readonly number[], value: number, options: TensorOptions = {}): Promise<Tensor> {
    const sizes = checkShape(shape);
    return compute((addon) => addon.full(sizes, value, options.dtype ?? 'float32'));
  }

  static zeros(shape: readonly number[], options: TensorOptions = {}): Promise<Tensor> {
    return Tensor.full(shape, 0, options);
  }

  static ones(shape: readonly number[], options: TensorOptions = {}): Promise<Tensor> {
    return Tensor.full(shape, 1, options);
  }

  /** Numbers from `start` up to, not including, `end`. */
  static arange(start: number, end: number, step = 1, options: TensorOptions = {}): Promise<Tensor> {
    return compute((addon) => addon.arange(start, end, step, options.dtype ?? 'float32'));
  }

  /** Standard normal numbers. */
  static async randn(shape: readonly number[], options: TensorOptions = {}): Promise<Tensor> {
    const sizes = checkShape(shape);
    return compute((addon) => addon.randn(sizes, options.dtype ?? 'float32'));
  }

  /** Uniform numbers in [0, 1). */
  static async rand(shape: readonly number[], options: TensorOptions = {}): Promise<Tensor> {
    const sizes = checkShape(shape);
    return compute((addon) => addon.rand(sizes, options.dtype ?? 'float32'));
  }

  /** Uniform integers in [low, high). */
  static async randint(
    low: number,
    high: number,
    shape: readonly number[],
    options: TensorOptions = {},
  ): Promise<Tensor> {
    const sizes = checkShape(shape);
    return compute((addon) => addon.randint(low, high, sizes, options.dtype ?? 'int64'));
  }

  /** A random order of 0 to n - 1, int64. */
  static randperm(n: number): Promise<Tensor> {
    return compute((addon) => addon.randperm(n));
  }

  /**
   * Turns decoded images into the input of a backbone: mirrored where asked, (x / 255 - 0.5) / 0.5, channels_last.
   *
   * @param pixels RGB bytes, batch x height x width x 3; may lie in shared memory, must stay as it is until the
   *   promise resolves
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
  ): Promise<Tensor> {
    const { batch, height, width } = size;
    const { device = 'cpu' } = options;
    return compute((addon) => addon.imagesFromHost(pixels, batch, height, width, flips ?? null, device));
  }

  // Transfer.

  /**
   * A copy of the elements in row-major order. float16 and bfloat16 arrive as Float32Array, bool as Uint8Array, int64
   * as BigInt64Array.
   */
  async toTypedArray(): Promise<HostArray> {
    const handle = this.handle;
    return submit((addon) => addon.toHost(handle));
  }

  /** The elements as plain numbers in row-major order. */
  async toArray(): Promise<number[]> {
    return Array.from((await this.toTypedArray()) as ArrayLike<number | bigint>, Number);
  }

  /** The value of a tensor of one element. */
  async item(): Promise<number> {
    const handle = this.handle;
    return submit((addon) => addon.item(handle));
  }

  /**
   * Converts to another element type or device; the tensor itself (as a new object) where nothing changes.
   *
   * @param target element type, or element type and device (`cpu`, `cuda`, `cuda:1`); `nonBlocking` copies between
   *   pinned memory and a device without waiting, so keep the source until the device is done
   * @throws KappaError `ERR_DEVICE` where there is no such device
   */
  async to(target: DType | { dtype?: DType; device?: string; nonBlocking?: boolean }): Promise<Tensor> {
    const handle = this.handle;
    const { dtype, device, nonBlocking = false } = typeof target === 'string' ? { dtype: target } : target;
    return compute((addon) => addon.to(handle, dtype ?? null, device ?? null, nonBlocking));
  }

  /**
   * A copy in memory that a CUDA device reads directly: copies from there can be non-blocking.
   *
   * @throws KappaError `ERR_DEVICE` without a GPU
   */
  async pinMemory(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.pinMemory(handle));
  }

  /** Overwrites the elements with those of another tensor, broadcast and converted. Records no gradients. */
  async copyFrom(source: Tensor): Promise<void> {
    const [handle, from] = [this.handle, tensorArgument(source, 'source')];
    return submit((addon) => addon.copyInto(handle, from));
  }

  /** Overwrites every element. Records no gradients. */
  async fill(value: number): Promise<void> {
    const handle = this.handle;
    return submit((addon) => addon.fillWith(handle, value));
  }

  /** Overwrites every element with normal numbers. Records no gradients. */
  async fillNormal(mean: number, deviation: number): Promise<void> {
    const handle = this.handle;
    return submit((addon) => addon.normalInto(handle, mean, deviation));
  }

  // Shapes.

  /** The same elements under another shape; one size may be -1. */
  async reshape(shape: readonly number[]): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.reshape(handle, [...shape]));
  }

  async permute(dims: readonly number[]): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.permute(handle, [...dims]));
  }

  async transpose(dim0: number, dim1: number): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.transpose(handle, dim0, dim1));
  }

  /** Drops a dimension of size 1, or all of them. */
  async squeeze(dim?: number): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.squeeze(handle, dim ?? null));
  }

  async unsqueeze(dim: number): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.unsqueeze(handle, dim));
  }

  async flatten(startDim = 0, endDim = -1): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.flatten(handle, startDim, endDim));
  }

  /** Broadcasts to a larger shape without copying. */
  async expand(shape: readonly number[]): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.expand(handle, [...shape]));
  }

  async repeat(repeats: readonly number[]): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.repeat(handle, [...repeats]));
  }

  /** Reverses the order along dimensions. */
  async flip(dims: Dims): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.flip(handle, dimsOf(dims) ?? []));
  }

  async contiguous(format: 'contiguous' | 'channelsLast' = 'contiguous'): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.contiguous(handle, format === 'channelsLast'));
  }

  async clone(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.clone(handle));
  }

  // Indexing.

  /** Elements from `start` up to, not including, `end` along a dimension; negative bounds count from the end. */
  async slice(dim: number, start?: number, end?: number, step = 1): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.slice(handle, dim, start ?? null, end ?? null, step));
  }

  /** One index of a dimension, which disappears. */
  async select(dim: number, index: number): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.select(handle, dim, index));
  }

  /** Several indices of a dimension, int64. */
  async indexSelect(dim: number, index: Tensor): Promise<Tensor> {
    const [handle, at] = [this.handle, tensorArgument(index, 'index')];
    return compute((addon) => addon.indexSelect(handle, dim, at));
  }

  async maskedSelect(mask: Tensor): Promise<Tensor> {
    const [handle, where] = [this.handle, tensorArgument(mask, 'mask')];
    return compute((addon) => addon.maskedSelect(handle, where));
  }

  async maskedFill(mask: Tensor, value: number): Promise<Tensor> {
    const [handle, where] = [this.handle, tensorArgument(mask, 'mask')];
    return compute((addon) => addon.maskedFill(handle, where, value));
  }

  async gather(dim: number, index: Tensor): Promise<Tensor> {
    const [handle, at] = [this.handle, tensorArgument(index, 'index')];
    return compute((addon) => addon.gather(handle, dim, at));
  }

  async scatter(dim: number, index: Tensor, source: Operand): Promise<Tensor> {
    const [handle, at, from] = [this.handle, tensorArgument(index, 'index'), operand(source)];
    return compute((addon) => addon.scatter(handle, dim, at, from));
  }

  async scatterAdd(dim: number, index: Tensor, source: Tensor): Promise<Tensor> {
    const [handle, at, from] = [
      this.handle,
      tensorArgument(index, 'index'),
      tensorArgument(source, 'source'),
    ];
    return compute((addon) => addon.scatterAdd(handle, dim, at, from));
  }

  /** Adds the slices of `source` to those of this tensor that a one-dimensional index names. */
  async indexAdd(dim: number, index: Tensor, source: Tensor): Promise<Tensor> {
    const [handle, at, from] = [
      this.handle,
      tensorArgument(index, 'index'),
      tensorArgument(source, 'source'),
    ];
    return compute((addon) => addon.indexAdd(handle, dim, at, from));
  }

  /** Joins tensors along a dimension. */
  static async cat(tensors: readonly Tensor[], dim = 0): Promise<Tensor> {
    const handles = tensors.map((tensor) => tensorArgument(tensor, 'tensors'));
    return compute((addon) => addon.cat(handles, dim));
  }

  /** Joins tensors along a new dimension. */
  static async stack(tensors: readonly Tensor[], dim = 0): Promise<Tensor> {
    const handles = tensors.map((tensor) => tensorArgument(tensor, 'tensors'));
    return compute((addon) => addon.stack(handles, dim));
  }

  /** Cuts a dimension into pieces of a size; the last may be smaller. */
  async split(size: number, dim = 0): Promise<Tensor[]> {
    const handle = this.handle;
    return (await submit((addon) => addon.split(handle, size, dim))).map((piece) => Tensor.wrap(piece));
  }

  /** Takes elements of `a` where the condition holds and of `b` elsewhere. */
  static async where(condition: Tensor, a: Operand, b: Operand): Promise<Tensor> {
    const [test, left, right] = [tensorArgument(condition, 'condition'), operand(a), operand(b)];
    return compute((addon) => addon.where(test, left, right));
  }

  // Arithmetic, with broadcasting.

  async add(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.add(handle, right));
  }

  async sub(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.sub(handle, right));
  }

  /** Elementwise product. */
  async mul(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.mul(handle, right));
  }

  async div(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.div(handle, right));
  }

  async pow(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.pow(handle, right));
  }

  async remainder(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.remainder(handle, right));
  }

  /** Changes this tensor; resolves to it. */
  async addInPlace(other: Operand): Promise<this> {
    const [handle, right] = [this.handle, operand(other)];
    native().dispose(await submit((addon) => addon.addInto(handle, right)));
    return this;
  }

  /** Changes this tensor; resolves to it. */
  async subInPlace(other: Operand): Promise<this> {
    const [handle, right] = [this.handle, operand(other)];
    native().dispose(await submit((addon) => addon.subInto(handle, right)));
    return this;
  }

  /** Changes this tensor; resolves to it. */
  async mulInPlace(other: Operand): Promise<this> {
    const [handle, right] = [this.handle, operand(other)];
    native().dispose(await submit((addon) => addon.mulInto(handle, right)));
    return this;
  }

  /** Changes this tensor; resolves to it. */
  async divInPlace(other: Operand): Promise<this> {
    const [handle, right] = [this.handle, operand(other)];
    native().dispose(await submit((addon) => addon.divInto(handle, right)));
    return this;
  }

  // Comparison: bool tensors.

  async eq(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.eq(handle, right));
  }

  async ne(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.ne(handle, right));
  }

  async lt(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.lt(handle, right));
  }

  async le(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.le(handle, right));
  }

  async gt(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.gt(handle, right));
  }

  async ge(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.ge(handle, right));
  }

  async logicalAnd(other: Tensor): Promise<Tensor> {
    const [handle, right] = [this.handle, tensorArgument(other, 'other')];
    return compute((addon) => addon.logicalAnd(handle, right));
  }

  async logicalOr(other: Tensor): Promise<Tensor> {
    const [handle, right] = [this.handle, tensorArgument(other, 'other')];
    return compute((addon) => addon.logicalOr(handle, right));
  }

  /** Whether shape, dtype and every element agree. */
  async equal(other: Tensor): Promise<boolean> {
    const [handle, right] = [this.handle, tensorArgument(other, 'other')];
    return submit((addon) => addon.equal(handle, right));
  }

  /** Whether |a - b| <= absolute + relative |b| everywhere. */
  async allClose(other: Tensor, relative = 1e-5, absolute = 1e-8): Promise<boolean> {
    const [handle, right] = [this.handle, tensorArgument(other, 'other')];
    return submit((addon) => addon.allClose(handle, right, relative, absolute));
  }

  // Elementwise functions.

  async maximum(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.maximum(handle, right));
  }

  async minimum(other: Operand): Promise<Tensor> {
    const [handle, right] = [this.handle, operand(other)];
    return compute((addon) => addon.minimum(handle, right));
  }

  async neg(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.neg(handle));
  }

  async abs(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.abs(handle));
  }

  async sign(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.sign(handle));
  }

  async sqrt(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.sqrt(handle));
  }

  /** 1 / sqrt(x). */
  async rsqrt(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.rsqrt(handle));
  }

  async exp(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.exp(handle));
  }

  async log(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.log(handle));
  }

  async sin(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.sin(handle));
  }

  async cos(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.cos(handle));
  }

  async acos(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.acos(handle));
  }

  async tanh(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.tanh(handle));
  }

  async sigmoid(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.sigmoid(handle));
  }

  async relu(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.relu(handle));
  }

  async floor(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.floor(handle));
  }

  async ceil(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.ceil(handle));
  }

  /** To the nearest whole number, halves to even. */
  async round(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.round(handle));
  }

  async logicalNot(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.logicalNot(handle));
  }

  async isFinite(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.isFinite(handle));
  }

  async isNaN(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.isNaN(handle));
  }

  /** Limits the elements; leave a bound out for none. */
  async clamp(low?: number, high?: number): Promise<Tensor> {
    const handle = this.handle;
    if (low === undefined && high === undefined) throw argumentError('clamp', 'at least one bound', low);
    return compute((addon) => addon.clamp(handle, low ?? null, high ?? null));
  }

  // Products and probabilities.

  async matmul(other: Tensor): Promise<Tensor> {
    const [handle, right] = [this.handle, tensorArgument(other, 'other')];
    return compute((addon) => addon.matmul(handle, right));
  }

  async softmax(dim = -1): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.softmax(handle, dim));
  }

  async logSoftmax(dim = -1): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.logSoftmax(handle, dim));
  }

  /** Divides by the 2-norm along a dimension; lengths below `eps` count as `eps`. */
  async normalize(dim = -1, eps = 1e-12): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.normalize(handle, dim, eps));
  }

  /** Mean softmax cross-entropy of logits (batch, classes) against integer labels (batch). */
  async crossEntropy(labels: Tensor): Promise<Tensor> {
    const [handle, truth] = [this.handle, tensorArgument(labels, 'labels')];
    return compute((addon) => addon.crossEntropy(handle, truth));
  }

  // Reductions: over some dimensions, or all.

  async sum(dims?: Dims, keepDims = false): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.sum(handle, dimsOf(dims), keepDims));
  }

  async mean(dims?: Dims, keepDims = false): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.mean(handle, dimsOf(dims), keepDims));
  }

  /** Largest elements. */
  async max(dims?: Dims, keepDims = false): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.amax(handle, dimsOf(dims), keepDims));
  }

  /** Smallest elements. */
  async min(dims?: Dims, keepDims = false): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.amin(handle, dimsOf(dims), keepDims));
  }

  /** Divided by n - `correction`, which is 1 by default. */
  async std(dims?: Dims, options: { correction?: number; keepDims?: boolean } = {}): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) =>
      addon.std(handle, dimsOf(dims), options.correction ?? 1, options.keepDims ?? false),
    );
  }

  /** Divided by n - `correction`, which is 1 by default. */
  async variance(dims?: Dims, options: { correction?: number; keepDims?: boolean } = {}): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) =>
      addon.variance(handle, dimsOf(dims), options.correction ?? 1, options.keepDims ?? false),
    );
  }

  /** p-norm, p = 2 by default. */
  async norm(dims?: Dims, options: { p?: number; keepDims?: boolean } = {}): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.norm(handle, options.p ?? 2, dimsOf(dims), options.keepDims ?? false));
  }

  async argmax(dim?: number, keepDims = false): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.argmax(handle, dim ?? null, keepDims));
  }

  async argmin(dim?: number, keepDims = false): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.argmin(handle, dim ?? null, keepDims));
  }

  async any(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.any(handle));
  }

  async all(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.all(handle));
  }

  async cumsum(dim: number): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.cumsum(handle, dim));
  }

  /** The k largest (or smallest) elements along a dimension, in order, with their indices. */
  async topk(k: number, dim = -1, largest = true): Promise<{ values: Tensor; indices: Tensor }> {
    const handle = this.handle;
    const [values, indices] = await submit((addon) => addon.topk(handle, k, dim, largest));
    return { values: Tensor.wrap(values), indices: Tensor.wrap(indices) };
  }

  /** Stable sort along a dimension. */
  async sort(dim = -1, descending = false): Promise<{ values: Tensor; indices: Tensor }> {
    const handle = this.handle;
    const [values, indices] = await submit((addon) => addon.sort(handle, dim, descending));
    return { values: Tensor.wrap(values), indices: Tensor.wrap(indices) };
  }

  // Gradients.

  /** Computes the gradients of every leaf that requires them and adds them to its `grad`. */
  async backward(options: { gradient?: Tensor; retainGraph?: boolean } = {}): Promise<void> {
    const handle = this.handle;
    const gradient = options.gradient ? tensorArgument(options.gradient, 'gradient') : null;
    return submit((addon) => addon.backward(handle, gradient, options.retainGraph ?? false));
  }

  /** The accumulated gradient, or null. */
  async grad(): Promise<Tensor | null> {
    const handle = this.handle;
    const gradient = await submit((addon) => addon.grad(handle));
    return gradient === null ? null : Tensor.wrap(gradient);
  }

  /** Drops the gradient. */
  async zeroGrad(): Promise<void> {
    const handle = this.handle;
    return submit((addon) => addon.zeroGrad([handle]));
  }

  /** The same elements without their history. */
  async detach(): Promise<Tensor> {
    const handle = this.handle;
    return compute((addon) => addon.detach(handle));
  }
}
