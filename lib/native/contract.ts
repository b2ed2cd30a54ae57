/**
 * The typed contract between TypeScript and the native addon: the only file that knows its shape. Every function of
 * the addon stands here and nowhere else; a test compares the list with what the binary exports.
 *
 * Functions that return a promise run on the compute thread, in the order of the calls.
 */

declare const tensorBrand: unique symbol;
declare const networkBrand: unique symbol;
declare const marginSoftmaxBrand: unique symbol;

/** Opaque reference to a LibTorch tensor. */
export interface TensorHandle {
  readonly [tensorBrand]: true;
}
/** Opaque reference to a native backbone. */
export interface NetworkHandle {
  readonly [networkBrand]: true;
}

/** A native head, owned by its JavaScript object. */
export interface MarginSoftmaxHandle {
  readonly [marginSoftmaxBrand]: true;
}

/** Element types. */
export type DType = 'float32' | 'float64' | 'bfloat16' | 'float16' | 'int64' | 'int32' | 'uint8' | 'bool';

/** Arithmetic of a layer's products. */
export type Precision = 'float32' | 'bfloat16' | 'float16';

/** Arrays that carry elements into the addon; a Uint16Array holds the bits of a half type. */
export type HostData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint16Array | Uint8Array;
/** Arrays that come out of the addon: half types arrive as Float32Array, booleans as Uint8Array. */
export type HostArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

type Dims = number[] | null;
type Operand = TensorHandle | number;
type Binary = (a: TensorHandle, b: Operand) => Promise<TensorHandle>;
type Unary = (a: TensorHandle) => Promise<TensorHandle>;
type Reduction = (a: TensorHandle, dims: Dims, keep: boolean) => Promise<TensorHandle>;
type Named = [names: string[], tensors: TensorHandle[]];

export interface NativeAddon {
  // runtime
  initialize(errorClass: new (code: never, message: string) => Error, debug: boolean): void;
  setGradEnabled(enabled: boolean): void;
  liveTensors(): [count: number, bytes: number];
  builtWithCuda(): boolean;
  cudaDevices(): Promise<[name: string, major: number, minor: number, bytes: number][]>;
  cudaMemory(device: number): Promise<number[]>;
  cudaResetPeakMemory(device: number): Promise<void>;
  cudaEmptyCache(): Promise<void>;
  cudaSynchronize(device: number): Promise<void>;
  cudaSetStream(device: number, stream: number): Promise<void>;
  buildInfo(): [libtorchVersion: string, configuration: string, cuda: boolean];
  setThreads(threads: number): Promise<void>;
  getThreads(): Promise<number>;
  manualSeed(seed: number): Promise<void>;
  getRandomState(device: string): Promise<TensorHandle>;
  setRandomState(state: TensorHandle, device: string): Promise<void>;
  synchronize(): Promise<void>;

  // creation and transfer
  allocate(shape: number[], dtype: DType, device: string): TensorHandle;
  allocateLike(a: TensorHandle): TensorHandle;
  normalInto(target: TensorHandle, mean: number, deviation: number): Promise<void>;
  fromHost(source: HostData, shape: number[], dtype: DType, copy: boolean): Promise<TensorHandle>;
  full(shape: number[], value: number, dtype: DType): Promise<TensorHandle>;
  arange(start: number, end: number, step: number, dtype: DType): Promise<TensorHandle>;
  randn(shape: number[], dtype: DType): Promise<TensorHandle>;
  rand(shape: number[], dtype: DType): Promise<TensorHandle>;
  randint(low: number, high: number, shape: number[], dtype: DType): Promise<TensorHandle>;
  randperm(n: number): Promise<TensorHandle>;
  imagesFromHost(
    pixels: Uint8Array,
    batch: number,
    height: number,
    width: number,
    flips: Uint8Array | null,
    device: string,
  ): Promise<TensorHandle>;
  toHost(a: TensorHandle): Promise<HostArray>;
  item(a: TensorHandle): Promise<number>;
  to(
    a: TensorHandle,
    dtype: DType | null,
    device: string | null,
    nonBlocking: boolean,
  ): Promise<TensorHandle>;
  pinMemory: Unary;
  clone: Unary;
  copyInto(target: TensorHandle, source: TensorHandle): Promise<void>;
  fillWith(target: TensorHandle, value: number): Promise<void>;
  shape(a: TensorHandle): number[];
  dtype(a: TensorHandle): DType;
  device(a: TensorHandle): string;
  isChannelsLast(a: TensorHandle): boolean;
  dispose(a: TensorHandle): void;

  // shapes
  reshape(a: TensorHandle, shape: number[]): Promise<TensorHandle>;
  permute(a: TensorHandle, dims: number[]): Promise<TensorHandle>;
  transpose(a: TensorHandle, dim0: number, dim1: number): Promise<TensorHandle>;
  squeeze(a: TensorHandle, dim: number | null): Promise<TensorHandle>;
  unsqueeze(a: TensorHandle, dim: number): Promise<TensorHandle>;
  flatten(a: TensorHandle, start: number, end: number): Promise<TensorHandle>;
  expand(a: TensorHandle, shape: number[]): Promise<TensorHandle>;
  repeat(a: TensorHandle, repeats: number[]): Promise<TensorHandle>;
  flip(a: TensorHandle, dims: number[]): Promise<TensorHandle>;
  contiguous(a: TensorHandle, channelsLast: boolean): Promise<TensorHandle>;
  slice(
    a: TensorHandle,
    dim: number,
    start: number | null,
    end: number | null,
    step: number,
  ): Promise<TensorHandle>;
  select(a: TensorHandle, dim: number, index: number): Promise<TensorHandle>;
  indexSelect(a: TensorHandle, dim: number, index: TensorHandle): Promise<TensorHandle>;
  maskedSelect(a: TensorHandle, mask: TensorHandle): Promise<TensorHandle>;
  maskedFill(a: TensorHandle, mask: TensorHandle, value: number): Promise<TensorHandle>;
  gather(a: TensorHandle, dim: number, index: TensorHandle): Promise<TensorHandle>;
  scatter(a: TensorHandle, dim: number, index: TensorHandle, source: Operand): Promise<TensorHandle>;
  scatterAdd(a: TensorHandle, dim: number, index: TensorHandle, source: TensorHandle): Promise<TensorHandle>;
  indexAdd(a: TensorHandle, dim: number, index: TensorHandle, source: TensorHandle): Promise<TensorHandle>;
  cat(tensors: TensorHandle[], dim: number): Promise<TensorHandle>;
  stack(tensors: TensorHandle[], dim: number): Promise<TensorHandle>;
  split(a: TensorHandle, size: number, dim: number): Promise<TensorHandle[]>;

  // mathematics
  add: Binary;
  sub: Binary;
  mul: Binary;
  div: Binary;
  pow: Binary;
  remainder: Binary;
  addInto: Binary;
  subInto: Binary;
  mulInto: Binary;
  divInto: Binary;
  eq: Binary;
  ne: Binary;
  lt: Binary;
  le: Binary;
  gt: Binary;
  ge: Binary;
  maximum: Binary;
  minimum: Binary;
  neg: Unary;
  abs: Unary;
  sign: Unary;
  sqrt: Unary;
  rsqrt: Unary;
  exp: Unary;
  log: Unary;
  sin: Unary;
  cos: Unary;
  acos: Unary;
  tanh: Unary;
  sigmoid: Unary;
  relu: Unary;
  floor: Unary;
  ceil: Unary;
  round: Unary;
  logicalNot: Unary;
  isFinite: Unary;
  isNaN: Unary;
  logicalAnd(a: TensorHandle, b: TensorHandle): Promise<TensorHandle>;
  logicalOr(a: TensorHandle, b: TensorHandle): Promise<TensorHandle>;
  clamp(a: TensorHandle, low: number | null, high: number | null): Promise<TensorHandle>;
  where(condition: TensorHandle, a: Operand, b: Operand): Promise<TensorHandle>;
  matmul(a: TensorHandle, b: TensorHandle): Promise<TensorHandle>;
  softmax(a: TensorHandle, dim: number): Promise<TensorHandle>;
  logSoftmax(a: TensorHandle, dim: number): Promise<TensorHandle>;
  normalize(a: TensorHandle, dim: number, eps: number): Promise<TensorHandle>;
  crossEntropy(logits: TensorHandle, labels: TensorHandle): Promise<TensorHandle>;

  // reductions and order
  sum: Reduction;
  mean: Reduction;
  std(a: TensorHandle, dims: Dims, correction: number, keep: boolean): Promise<TensorHandle>;
  variance(a: TensorHandle, dims: Dims, correction: number, keep: boolean): Promise<TensorHandle>;
  norm(a: TensorHandle, p: number, dims: Dims, keep: boolean): Promise<TensorHandle>;
  amax: Reduction;
  amin: Reduction;
  argmax(a: TensorHandle, dim: number | null, keep: boolean): Promise<TensorHandle>;
  argmin(a: TensorHandle, dim: number | null, keep: boolean): Promise<TensorHandle>;
  any: Unary;
  all: Unary;
  cumsum(a: TensorHandle, dim: number): Promise<TensorHandle>;
  topk(a: TensorHandle, k: number, dim: number, largest: boolean): Promise<[TensorHandle, TensorHandle]>;
  sort(a: TensorHandle, dim: number, descending: boolean): Promise<[TensorHandle, TensorHandle]>;
  equal(a: TensorHandle, b: TensorHandle): Promise<boolean>;
  allClose(a: TensorHandle, b: TensorHandle, relative: number, absolute: number): Promise<boolean>;

  // autograd
  requiresGrad(a: TensorHandle): boolean;
  setRequiresGrad(a: TensorHandle, value: boolean): void;
  isLeaf(a: TensorHandle): boolean;
  backward(a: TensorHandle, gradient: TensorHandle | null, retainGraph: boolean): Promise<void>;
  grad(a: TensorHandle): Promise<TensorHandle | null>;
  zeroGrad(tensors: TensorHandle[]): Promise<void>;
  detach: Unary;

  // backbones
  iresnet(
    blocks: number[],
    widthMultiplier: number,
    embeddingSize: number,
    dropout: number,
    precision: Precision,
    imageSize: number,
    device: string,
  ): NetworkHandle;
  iresnetInitialize(network: NetworkHandle): Promise<void>;
  iresnetForward(network: NetworkHandle, images: TensorHandle, training: boolean): Promise<TensorHandle>;
  iresnetParameters(network: NetworkHandle): Named;
  iresnetBuffers(network: NetworkHandle): Named;
  iresnetFollow(network: NetworkHandle, source: NetworkHandle, momentum: number): Promise<void>;
  iresnetKeepBuffers(network: NetworkHandle): Promise<void>;
  iresnetRestoreBuffers(network: NetworkHandle): Promise<void>;
  disposeNetwork(network: NetworkHandle): void;

  // head
  marginSoftmax(
    scale: number,
    kind: 'angular' | 'cosine' | 'combined',
    beyondPi: 'extend' | 'none',
    angleFactor: number,
    cosineMargin: number,
    filterThreshold: number,
    precision: Precision,
    memoryBudget: number,
    sampleRate: number,
    seed: number,
  ): MarginSoftmaxHandle;
  marginSoftmaxForward(
    head: MarginSoftmaxHandle,
    embeddings: TensorHandle,
    centres: TensorHandle,
    labels: TensorHandle,
    margins: TensorHandle,
    fused: boolean,
    samplerStep: TensorHandle | null,
  ): Promise<[loss: TensorHandle, targetCosines: TensorHandle]>;
  marginSoftmaxUpdate(
    head: MarginSoftmaxHandle,
    centres: TensorHandle,
    velocity: TensorHandle,
    lr: number,
    momentum: number,
    weightDecay: number,
    nesterov: boolean,
  ): Promise<void>;
  marginSoftmaxUnscale(head: MarginSoftmaxHandle, scale: number): Promise<void>;
  marginSoftmaxDrop(head: MarginSoftmaxHandle): Promise<void>;
  measureHeadLimit(
    batch: number,
    classes: number,
    dim: number,
    bf16: boolean,
    repeats: number,
  ): Promise<number>;
  disposeMarginSoftmax(head: MarginSoftmaxHandle): void;

  // concentration
  updateMemory(
    buffer: TensorHandle,
    visited: TensorHandle,
    sums: TensorHandle,
    counts: TensorHandle,
    embeddings: TensorHandle,
    indices: TensorHandle,
    labels: TensorHandle,
    alpha: number,
  ): Promise<void>;
  addToClassSums(
    sums: TensorHandle,
    counts: TensorHandle,
    embeddings: TensorHandle,
    labels: TensorHandle,
  ): Promise<void>;
  classConcentration(
    sums: TensorHandle,
    counts: TensorHandle,
    debias: boolean,
  ): Promise<[meanResultantLength: TensorHandle, kappa: TensorHandle]>;
  classMarginScale(
    kappa: TensorHandle,
    counts: TensorHandle,
    samplesPerClass: TensorHandle,
    temperature: number,
    gamma: number,
    paper: boolean,
  ): Promise<[concentrationWeight: TensorHandle, populationWeight: TensorHandle, marginScale: TensorHandle]>;

  // optimizers
  sgdStep(
    parameters: TensorHandle[],
    velocities: TensorHandle[],
    lr: number,
    momentum: number,
    weightDecay: number,
    nesterov: boolean,
  ): Promise<void>;
  unscaleGradients(parameters: TensorHandle[], scale: number): Promise<boolean>;
  clipGradientNorm(parameters: TensorHandle[], maxNorm: number): Promise<number>;

  // files
  writeTensorFile(path: string, header: Uint8Array, tensors: TensorHandle[]): Promise<void>;
  readTensorFile(
    path: string,
    offsets: number[],
    dtypes: DType[],
    shapes: number[][],
  ): Promise<TensorHandle[]>;
}
