/**
 * The typed contract between TypeScript and the native addon: the only file that knows its shape. Every function of
 * the addon stands here and nowhere else; a test compares the list with what the binary exports.
 *
 * Functions that return a promise run on the compute thread, in the order of the calls. They take the promise of a
 * tensor for the tensor, as long as it is pending: `addon.add(addon.sub(a, 1), b)`.
 */

declare const tensorBrand: unique symbol;
declare const networkBrand: unique symbol;
declare const marginSoftmaxBrand: unique symbol;

/** Opaque reference to a LibTorch tensor. */
export interface TensorHandle {
  readonly [tensorBrand]: true;
}
/** A tensor, or the pending promise that the addon gave for it. */
export type TensorInput = TensorHandle | Promise<TensorHandle>;
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

/** Arrays that carry elements into the addon; a Uint16Array may hold the bits of a half type. */
export type HostData =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray;
/** Arrays that come out of the addon: half types arrive as Float32Array, booleans as Uint8Array. */
export type HostArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

type Dims = number[] | null;
type Operand = TensorInput | number;
type Binary = (a: TensorInput, b: Operand) => Promise<TensorHandle>;
type Unary = (a: TensorInput) => Promise<TensorHandle>;
type Reduction = (a: TensorInput, dims: Dims, keep: boolean) => Promise<TensorHandle>;
export type LayerRows = [layers: string[], bytes: number[], notFinite: number[], largest: number[]];
type Named = [names: string[], tensors: TensorHandle[]];

export interface NativeAddon {
  // runtime
  initialize(errorClass: new (code: never, message: string) => Error, debug: boolean, threads?: number): void;
  setGradEnabled(enabled: boolean): void;
  liveTensors(): [count: number, bytes: number];
  computesFast(precision: Precision, device: string): boolean;
  cpuMemory(): number[];
  cpuResetPeakMemory(): void;
  cpuEmptyCache(): Promise<void>;
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
  setRandomState(state: TensorInput, device: string): Promise<void>;
  synchronize(): Promise<void>;

  // creation and transfer
  allocate(shape: number[], dtype: DType, device: string): TensorHandle;
  allocateLike(a: TensorHandle): TensorHandle;
  normalInto(target: TensorInput, mean: number, deviation: number): Promise<void>;
  /** The array is copied at the call. */
  fromHost(source: HostData, shape: number[], dtype: DType): Promise<TensorHandle>;
  /** Uses the memory itself where it is shared memory; any other is copied at the call. */
  fromShared(source: HostData, shape: number[], dtype: DType): Promise<TensorHandle>;
  full(shape: number[], value: number, dtype: DType): Promise<TensorHandle>;
  arange(start: number, end: number, step: number, dtype: DType): Promise<TensorHandle>;
  randn(shape: number[], dtype: DType): Promise<TensorHandle>;
  rand(shape: number[], dtype: DType): Promise<TensorHandle>;
  randint(low: number, high: number, shape: number[], dtype: DType): Promise<TensorHandle>;
  randperm(n: number): Promise<TensorHandle>;
  /** Reads shared memory when it runs; any other is copied at the call. */
  imagesFromHost(
    pixels: Uint8Array,
    batch: number,
    height: number,
    width: number,
    flips: Uint8Array | null,
    device: string,
  ): Promise<TensorHandle>;
  toHost(a: TensorInput): Promise<HostArray>;
  item(a: TensorInput): Promise<number>;
  to(a: TensorInput, dtype: DType | null, device: string | null, nonBlocking: boolean): Promise<TensorHandle>;
  pinMemory: Unary;
  clone: Unary;
  copyInto(target: TensorInput, source: TensorInput): Promise<void>;
  fillWith(target: TensorInput, value: number): Promise<void>;
  shape(a: TensorHandle): number[];
  dtype(a: TensorHandle): DType;
  device(a: TensorHandle): string;
  isChannelsLast(a: TensorHandle): boolean;
  dispose(a: TensorHandle): void;

  // shapes
  reshape(a: TensorInput, shape: number[]): Promise<TensorHandle>;
  permute(a: TensorInput, dims: number[]): Promise<TensorHandle>;
  transpose(a: TensorInput, dim0: number, dim1: number): Promise<TensorHandle>;
  squeeze(a: TensorInput, dim: number | null): Promise<TensorHandle>;
  unsqueeze(a: TensorInput, dim: number): Promise<TensorHandle>;
  flatten(a: TensorInput, start: number, end: number): Promise<TensorHandle>;
  expand(a: TensorInput, shape: number[]): Promise<TensorHandle>;
  repeat(a: TensorInput, repeats: number[]): Promise<TensorHandle>;
  flip(a: TensorInput, dims: number[]): Promise<TensorHandle>;
  contiguous(a: TensorInput, channelsLast: boolean): Promise<TensorHandle>;
  slice(
    a: TensorInput,
    dim: number,
    start: number | null,
    end: number | null,
    step: number,
  ): Promise<TensorHandle>;
  select(a: TensorInput, dim: number, index: number): Promise<TensorHandle>;
  indexSelect(a: TensorInput, dim: number, index: TensorInput): Promise<TensorHandle>;
  maskedSelect(a: TensorInput, mask: TensorInput): Promise<TensorHandle>;
  maskedFill(a: TensorInput, mask: TensorInput, value: number): Promise<TensorHandle>;
  gather(a: TensorInput, dim: number, index: TensorInput): Promise<TensorHandle>;
  scatter(a: TensorInput, dim: number, index: TensorInput, source: Operand): Promise<TensorHandle>;
  scatterAdd(a: TensorInput, dim: number, index: TensorInput, source: TensorInput): Promise<TensorHandle>;
  indexAdd(a: TensorInput, dim: number, index: TensorInput, source: TensorInput): Promise<TensorHandle>;
  cat(tensors: TensorInput[], dim: number): Promise<TensorHandle>;
  stack(tensors: TensorInput[], dim: number): Promise<TensorHandle>;
  split(a: TensorInput, size: number, dim: number): Promise<TensorHandle[]>;

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
  logicalAnd(a: TensorInput, b: TensorInput): Promise<TensorHandle>;
  logicalOr(a: TensorInput, b: TensorInput): Promise<TensorHandle>;
  clamp(a: TensorInput, low: number | null, high: number | null): Promise<TensorHandle>;
  where(condition: TensorInput, a: Operand, b: Operand): Promise<TensorHandle>;
  matmul(a: TensorInput, b: TensorInput): Promise<TensorHandle>;
  softmax(a: TensorInput, dim: number): Promise<TensorHandle>;
  logSoftmax(a: TensorInput, dim: number): Promise<TensorHandle>;
  normalize(a: TensorInput, dim: number, eps: number): Promise<TensorHandle>;
  crossEntropy(logits: TensorInput, labels: TensorInput): Promise<TensorHandle>;

  // reductions and order
  sum: Reduction;
  mean: Reduction;
  std(a: TensorInput, dims: Dims, correction: number, keep: boolean): Promise<TensorHandle>;
  variance(a: TensorInput, dims: Dims, correction: number, keep: boolean): Promise<TensorHandle>;
  norm(a: TensorInput, p: number, dims: Dims, keep: boolean): Promise<TensorHandle>;
  amax: Reduction;
  amin: Reduction;
  argmax(a: TensorInput, dim: number | null, keep: boolean): Promise<TensorHandle>;
  argmin(a: TensorInput, dim: number | null, keep: boolean): Promise<TensorHandle>;
  any: Unary;
  all: Unary;
  cumsum(a: TensorInput, dim: number): Promise<TensorHandle>;
  topk(a: TensorInput, k: number, dim: number, largest: boolean): Promise<[TensorHandle, TensorHandle]>;
  sort(a: TensorInput, dim: number, descending: boolean): Promise<[TensorHandle, TensorHandle]>;
  equal(a: TensorInput, b: TensorInput): Promise<boolean>;
  allClose(a: TensorInput, b: TensorInput, relative: number, absolute: number): Promise<boolean>;

  // autograd
  requiresGrad(a: TensorHandle): boolean;
  setRequiresGrad(a: TensorInput, value: boolean): Promise<void>;
  isLeaf(a: TensorHandle): boolean;
  backward(a: TensorInput, gradient: TensorInput | null, retainGraph: boolean): Promise<void>;
  grad(a: TensorInput): Promise<TensorHandle | null>;
  zeroGrad(tensors: TensorInput[]): Promise<void>;
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
  iresnetForward(network: NetworkHandle, images: TensorInput, training: boolean): Promise<TensorHandle>;
  iresnetParameters(network: NetworkHandle): Named;
  iresnetBuffers(network: NetworkHandle): Named;
  iresnetFollow(network: NetworkHandle, source: NetworkHandle, momentum: number): Promise<void>;
  iresnetKeepBuffers(network: NetworkHandle): Promise<void>;
  iresnetRestoreBuffers(network: NetworkHandle): Promise<void>;
  /** Begins to note what layers give, or ends it; tells what was noted since the last call. */
  iresnetTrace(network: NetworkHandle, on: boolean): Promise<[outputs: LayerRows, gradients: LayerRows]>;
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
    embeddings: TensorInput,
    centres: TensorInput,
    labels: TensorInput,
    margins: TensorInput,
    fused: boolean,
    samplerStep: TensorInput | null,
  ): Promise<[loss: TensorHandle, targetCosines: TensorHandle]>;
  marginSoftmaxUpdate(
    head: MarginSoftmaxHandle,
    centres: TensorInput,
    velocity: TensorInput,
    lr: number,
    momentum: number,
    weightDecay: number,
    nesterov: boolean,
  ): Promise<void>;
  marginSoftmaxUnscale(head: MarginSoftmaxHandle, scale: number): Promise<void>;
  marginSoftmaxDrop(head: MarginSoftmaxHandle): Promise<void>;
  measureConvolution(precision: Precision, seconds: number): Promise<number>;
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
    buffer: TensorInput,
    visited: TensorInput,
    sums: TensorInput,
    counts: TensorInput,
    embeddings: TensorInput,
    indices: TensorInput,
    labels: TensorInput,
    alpha: number,
  ): Promise<void>;
  addToClassSums(
    sums: TensorInput,
    counts: TensorInput,
    embeddings: TensorInput,
    labels: TensorInput,
  ): Promise<void>;
  classConcentration(
    sums: TensorInput,
    counts: TensorInput,
    debias: boolean,
  ): Promise<[meanResultantLength: TensorHandle, kappa: TensorHandle]>;
  classMarginScale(
    meanResultantLength: TensorInput,
    kappa: TensorInput,
    counts: TensorInput,
    samplesPerClass: TensorInput,
    temperature: number,
    gamma: number,
    paper: boolean,
  ): Promise<[concentrationWeight: TensorHandle, populationWeight: TensorHandle, marginScale: TensorHandle]>;

  // optimizers
  sgdStep(
    parameters: TensorInput[],
    velocities: TensorInput[],
    lr: number,
    momentum: number,
    weightDecay: number,
    nesterov: boolean,
  ): Promise<void>;
  unscaleGradients(parameters: TensorInput[], scale: number): Promise<boolean>;
  clipGradientNorm(parameters: TensorInput[], maxNorm: number): Promise<number>;

  // files
  writeTensorFile(path: string, header: Uint8Array, tensors: TensorInput[]): Promise<void>;
  readTensorFile(
    path: string,
    offsets: number[],
    dtypes: DType[],
    shapes: number[][],
  ): Promise<TensorHandle[]>;
}
