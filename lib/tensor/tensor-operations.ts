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

  permute(dims: readonly number[]): TensorPromise;

  transpose(dim0: number, dim1: number): TensorPromise;

  /** Drops a dimension of size 1, or all of them. */
  squeeze(dim?: number): TensorPromise;

  unsqueeze(dim: number): TensorPromise;

  /** Makes one dimension of several: by default, of all. */
  flatten(startDim?: number, endDim?: number): TensorPromise;

  /** Broadcasts to a larger shape without copying. */
  expand(shape: readonly number[]): TensorPromise;

  repeat(repeats: readonly number[]): TensorPromise;

  /** Reverses the order along dimensions. */
  flip(dims: Dims): TensorPromise;

  /** The same elements next to each other in memory, in row-major order by default. */
  contiguous(format?: 'contiguous' | 'channelsLast'): TensorPromise;

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

  maskedSelect(mask: TensorLike): TensorPromise;

  maskedFill(mask: TensorLike, value: number): TensorPromise;

  gather(dim: number, index: TensorLike): TensorPromise;

  scatter(dim: number, index: TensorLike, source: Operand): TensorPromise;

  scatterAdd(dim: number, index: TensorLike, source: TensorLike): TensorPromise;

  /** Adds the slices of `source` to those of this tensor that a one-dimensional index names. */
  indexAdd(dim: number, index: TensorLike, source: TensorLike): TensorPromise;

  /** Cuts a dimension, the first by default, into pieces of a size; the last may be smaller. */
  split(size: number, dim?: number): Promise<Tensor[]>;

  // Arithmetic, with broadcasting.

  add(other: Operand): TensorPromise;

  sub(other: Operand): TensorPromise;

  /** Elementwise product. */
  mul(other: Operand): TensorPromise;

  div(other: Operand): TensorPromise;

  pow(other: Operand): TensorPromise;

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

  eq(other: Operand): TensorPromise;

  ne(other: Operand): TensorPromise;

  lt(other: Operand): TensorPromise;

  le(other: Operand): TensorPromise;

  gt(other: Operand): TensorPromise;

  ge(other: Operand): TensorPromise;

  logicalAnd(other: TensorLike): TensorPromise;

  logicalOr(other: TensorLike): TensorPromise;

  logicalNot(): TensorPromise;

  isFinite(): TensorPromise;

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

  maximum(other: Operand): TensorPromise;

  minimum(other: Operand): TensorPromise;

  neg(): TensorPromise;

  abs(): TensorPromise;

  sign(): TensorPromise;

  sqrt(): TensorPromise;

  /** 1 / sqrt(x). */
  rsqrt(): TensorPromise;

  exp(): TensorPromise;

  log(): TensorPromise;

  sin(): TensorPromise;

  cos(): TensorPromise;

  acos(): TensorPromise;

  tanh(): TensorPromise;

  sigmoid(): TensorPromise;

  relu(): TensorPromise;

  floor(): TensorPromise;

  ceil(): TensorPromise;

  /** To the nearest whole number, halves to even. */
  round(): TensorPromise;

  /** Limits the elements; leave a bound out for none. */
  clamp(low?: number, high?: number): TensorPromise;

  // Products and probabilities.

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

  sum(dims?: Dims, keepDims?: boolean): TensorPromise;

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

  argmax(dim?: number, keepDims?: boolean): TensorPromise;

  argmin(dim?: number, keepDims?: boolean): TensorPromise;

  any(): TensorPromise;

  all(): TensorPromise;

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
