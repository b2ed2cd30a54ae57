import type { DType, HostArray } from '../native/contract';
import type { TensorCore } from './core';

// These two types are those of the classes of their names, which need this file themselves.

/** What every tensor is. */
export interface Tensor extends TensorCore, TensorOperations {}

/**
 * The promise of a tensor, on which operations can be called as on the tensor: they are queued right away.
 *
 * What is neither awaited nor used, or awaited in any way, becomes a Tensor and belongs to its scope. What is only
 * used, as an intermediate of a chain, is freed when it arrives: await it first to use it again later.
 */
export interface TensorPromise extends Promise<Tensor>, TensorOperations {
  /** As that of the tensor; undefined while it is not known. */
  get requiresGrad(): boolean | undefined;
  /** Takes its place among the operations; the promise is rejected where the tensor cannot require gradients. */
  set requiresGrad(value: boolean);
}

/** One dimension, several, or all of them. */
export type Dims = number | readonly number[];

/** A tensor, or the promise of one. */
export type TensorLike = Tensor | PromiseLike<Tensor>;

/** A tensor, the promise of one, or a number; broadcast against the other side. */
export type Operand = TensorLike | number;

/**
 * What is computed with a tensor, and with the promise of one: `await x.sub(1).reshape([12, 1, 1, 1]).add(noise)`.
 *
 * Operations run in the order of their calls. What they are given is read at the call, so that operands may be disposed
 * of, and arrays changed, right after it; results of operations may be passed on, and called upon, before they are
 * there. Any other promise of a tensor is awaited first: the operation's place in the order is then when the last of
 * its operands is there.
 *
 * A number goes into a tensor as it is, or not at all: 1.5 as an element of an integer type, 300 as one of uint8 are
 * `ERR_ARGUMENT`. `to` converts, as LibTorch does, and results of arithmetic wrap and overflow as everywhere.
 *
 * Every error comes as a rejection with a KappaError: `ERR_ARGUMENT` and `ERR_DISPOSED` for what was passed, `ERR_SHAPE`,
 * `ERR_DTYPE`, `ERR_OUT_OF_MEMORY` or `ERR_LIBTORCH` for what cannot be computed. In a chain it is that of the first
 * operation that failed.
 */
export interface TensorOperations {
  // Transfer.

  /**
   * A copy of the elements in row-major order. float16 and bfloat16 arrive as Float32Array, bool as Uint8Array, int64
   * as BigInt64Array.
   */
  toTypedArray(): Promise<HostArray>;

  /** The elements as plain numbers in row-major order. */
  toArray(): Promise<number[]>;

  /** The value of a tensor of one element. */
  item(): Promise<number>;

  /**
   * Converts to another element type or device; the tensor itself (as a new object) where nothing changes.
   *
   * @param target element type, or element type and device (`cpu`, `cuda`, `cuda:1`); `nonBlocking` copies between
   *   pinned memory and a device without waiting, so keep the source until the device is done
   * @throws KappaError `ERR_DEVICE` where there is no such device
   */
  to(target: DType | { dtype?: DType; device?: string; nonBlocking?: boolean }): TensorPromise;

  /**
   * A copy in memory that a CUDA device reads directly: copies from there can be non-blocking.
   *
   * @throws KappaError `ERR_DEVICE` without a GPU
   */
  pinMemory(): TensorPromise;

  /** Overwrites the elements with those of another tensor, broadcast and converted. Records no gradients. */
  copyFrom(source: TensorLike): Promise<void>;

  /**
   * Overwrites every element. Records no gradients.
   *
   * @throws KappaError `ERR_ARGUMENT` where the element type cannot hold the value
   */
  fill(value: number): Promise<void>;

  /** Overwrites every element with normal numbers. Records no gradients. */
  fillNormal(mean: number, deviation: number): Promise<void>;

  // Shapes.

  /** The same elements under another shape; one size may be -1. */
  reshape(shape: readonly number[]): TensorPromise;

  /** The same elements with their dimensions in another order; all are named. */
  permute(dims: readonly number[]): TensorPromise;

  /** The same elements with two dimensions exchanged. */
  transpose(dim0: number, dim1: number): TensorPromise;

  /** Drops a dimension of size 1, or all of them. */
  squeeze(dim?: number): TensorPromise;

  /** A dimension of size 1 before `dim`; -1 puts it at the end. */
  unsqueeze(dim: number): TensorPromise;

  /** Makes one dimension of several: by default, of all. */
  flatten(startDim?: number, endDim?: number): TensorPromise;

  /** Broadcasts to a larger shape without copying. */
  expand(shape: readonly number[]): TensorPromise;

  /** Copies the tensor so many times along each dimension. */
  repeat(repeats: readonly number[]): TensorPromise;

  /** Reverses the order along dimensions. */
  flip(dims: Dims): TensorPromise;

  /** The same elements next to each other in memory, in row-major order by default. */
  contiguous(format?: 'contiguous' | 'channelsLast'): TensorPromise;

  /** A copy in memory of its own; gradients go through it. */
  clone(): TensorPromise;

  // Indexing.

  /**
   * Elements from `start` up to, not including, `end` along a dimension; negative bounds count from the end.
   *
   * @param step 1 by default
   */
  slice(dim: number, start?: number, end?: number, step?: number): TensorPromise;

  /** One index of a dimension, which disappears. */
  select(dim: number, index: number): TensorPromise;

  /** Several indices of a dimension, int64. */
  indexSelect(dim: number, index: TensorLike): TensorPromise;

  /** The elements where a bool mask, broadcast, is true, in one dimension. */
  maskedSelect(mask: TensorLike): TensorPromise;

  /** A copy with a number where a bool mask, broadcast, is true. */
  maskedFill(mask: TensorLike, value: number): TensorPromise;

  /** For each place of an int64 index, the element that it names along a dimension; of the shape of the index. */
  gather(dim: number, index: TensorLike): TensorPromise;

  /** A copy with elements of `source`, or a number, at the places that an int64 index names along a dimension. */
  scatter(dim: number, index: TensorLike, source: Operand): TensorPromise;

  /** A copy with the elements of `source` added at the places that an int64 index names along a dimension. */
  scatterAdd(dim: number, index: TensorLike, source: TensorLike): TensorPromise;

  /** Adds the slices of `source` to those of this tensor that a one-dimensional index names. */
  indexAdd(dim: number, index: TensorLike, source: TensorLike): TensorPromise;

  /** Cuts a dimension, the first by default, into pieces of a size; the last may be smaller. */
  split(size: number, dim?: number): Promise<Tensor[]>;

  // Arithmetic, with broadcasting.

  /** Elementwise sum. */
  add(other: Operand): TensorPromise;

  /** Elementwise difference. */
  sub(other: Operand): TensorPromise;

  /** Elementwise product. */
  mul(other: Operand): TensorPromise;

  /** Elementwise quotient; of integers a floating point number. */
  div(other: Operand): TensorPromise;

  /** Elementwise power. */
  pow(other: Operand): TensorPromise;

  /** Elementwise remainder of the division, with the sign of the divisor. */
  remainder(other: Operand): TensorPromise;

  /** Changes this tensor; resolves to it. */
  addInPlace(other: Operand): TensorPromise;

  /** Changes this tensor; resolves to it. */
  subInPlace(other: Operand): TensorPromise;

  /** Changes this tensor; resolves to it. */
  mulInPlace(other: Operand): TensorPromise;

  /** Changes this tensor; resolves to it. */
  divInPlace(other: Operand): TensorPromise;

  // Comparison: bool tensors.

  /** Where both are equal. */
  eq(other: Operand): TensorPromise;

  /** Where they differ; NaN differs from itself. */
  ne(other: Operand): TensorPromise;

  /** Where this one is smaller. */
  lt(other: Operand): TensorPromise;

  /** Where this one is smaller, or both are equal. */
  le(other: Operand): TensorPromise;

  /** Where this one is larger. */
  gt(other: Operand): TensorPromise;

  /** Where this one is larger, or both are equal. */
  ge(other: Operand): TensorPromise;

  /** Where neither is zero. */
  logicalAnd(other: TensorLike): TensorPromise;

  /** Where one at least is not zero. */
  logicalOr(other: TensorLike): TensorPromise;

  /** Where an element is zero. */
  logicalNot(): TensorPromise;

  /** Where an element is neither infinite nor NaN. */
  isFinite(): TensorPromise;

  /** Where an element is NaN. */
  isNaN(): TensorPromise;

  /** Whether shape, dtype and every element agree. */
  equal(other: TensorLike): Promise<boolean>;

  /**
   * Whether |a - b| <= absolute + relative |b| everywhere.
   *
   * @param relative 1e-5 by default
   * @param absolute 1e-8 by default
   */
  allClose(other: TensorLike, relative?: number, absolute?: number): Promise<boolean>;

  // Elementwise functions.

  /** The larger one of both; NaN where one is NaN. */
  maximum(other: Operand): TensorPromise;

  /** The smaller one of both; NaN where one is NaN. */
  minimum(other: Operand): TensorPromise;

  /** -x. */
  neg(): TensorPromise;

  /** |x|. */
  abs(): TensorPromise;

  /** -1, 0 or 1. */
  sign(): TensorPromise;

  /** Square root; NaN of negative numbers. */
  sqrt(): TensorPromise;

  /** 1 / sqrt(x). */
  rsqrt(): TensorPromise;

  /** e to the power of x. */
  exp(): TensorPromise;

  /** Natural logarithm. */
  log(): TensorPromise;

  /** Sine of radians. */
  sin(): TensorPromise;

  /** Cosine of radians. */
  cos(): TensorPromise;

  /** Arc cosine, 0 to pi; NaN beyond -1 and 1. */
  acos(): TensorPromise;

  /** Hyperbolic tangent. */
  tanh(): TensorPromise;

  /** 1 / (1 + exp(-x)). */
  sigmoid(): TensorPromise;

  /** max(x, 0). */
  relu(): TensorPromise;

  /** To the next whole number below. */
  floor(): TensorPromise;

  /** To the next whole number above. */
  ceil(): TensorPromise;

  /** To the nearest whole number, halves to even. */
  round(): TensorPromise;

  /** Limits the elements; leave a bound out for none. */
  clamp(low?: number, high?: number): TensorPromise;

  // Products and probabilities.

  /** Matrix product: (..., n, k) with (..., k, m) gives (..., n, m), batches broadcast; vectors as in PyTorch. */
  matmul(other: TensorLike): TensorPromise;

  /** Along the last dimension by default. */
  softmax(dim?: number): TensorPromise;

  /** Along the last dimension by default. */
  logSoftmax(dim?: number): TensorPromise;

  /**
   * Divides by the 2-norm along a dimension, the last by default.
   *
   * @param eps lengths below count as this; 1e-12 by default
   */
  normalize(dim?: number, eps?: number): TensorPromise;

  /** Mean softmax cross-entropy of logits (batch, classes) against integer labels (batch). */
  crossEntropy(labels: TensorLike): TensorPromise;

  // Reductions: over some dimensions, or all. `keepDims` leaves these with size 1; they go by default.

  /** Sum; of integers an int64. */
  sum(dims?: Dims, keepDims?: boolean): TensorPromise;

  /** Mean of floating point numbers. */
  mean(dims?: Dims, keepDims?: boolean): TensorPromise;

  /** Largest elements. */
  max(dims?: Dims, keepDims?: boolean): TensorPromise;

  /** Smallest elements. */
  min(dims?: Dims, keepDims?: boolean): TensorPromise;

  /** Divided by n - `correction`, which is 1 by default. */
  std(dims?: Dims, options?: { correction?: number; keepDims?: boolean }): TensorPromise;

  /** Divided by n - `correction`, which is 1 by default. */
  variance(dims?: Dims, options?: { correction?: number; keepDims?: boolean }): TensorPromise;

  /** p-norm, p = 2 by default. */
  norm(dims?: Dims, options?: { p?: number; keepDims?: boolean }): TensorPromise;

  /** Index, int64, of the largest element along a dimension, or of all in row-major order. */
  argmax(dim?: number, keepDims?: boolean): TensorPromise;

  /** Index, int64, of the smallest element along a dimension, or of all in row-major order. */
  argmin(dim?: number, keepDims?: boolean): TensorPromise;

  /** Whether any element is not zero: a bool tensor of one element. */
  any(): TensorPromise;

  /** Whether no element is zero: a bool tensor of one element. */
  all(): TensorPromise;

  /** Sums of the elements so far along a dimension. */
  cumsum(dim: number): TensorPromise;

  /**
   * The k largest (or smallest) elements along a dimension, in order, with their indices.
   *
   * @param dim the last by default
   * @param largest true by default
   */
  topk(k: number, dim?: number, largest?: boolean): Promise<{ values: Tensor; indices: Tensor }>;

  /** Stable sort along a dimension, the last by default; ascending by default. */
  sort(dim?: number, descending?: boolean): Promise<{ values: Tensor; indices: Tensor }>;

  // Gradients.

  /** Computes the gradients of every leaf that requires them and adds them to its `grad`. */
  backward(options?: { gradient?: TensorLike; retainGraph?: boolean }): Promise<void>;

  /** The accumulated gradient, or null. */
  grad(): Promise<Tensor | null>;

  /** Drops the gradient. */
  zeroGrad(): Promise<void>;

  /** The same elements without their history. */
  detach(): TensorPromise;
}
