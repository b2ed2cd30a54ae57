/**
 * The typed contract between TypeScript and the native addon: the only file that knows its shape. Every function of
 * the addon stands here and nowhere else. The binary tells its side (`signatures`): names of functions, parameters and
 * fields in their order, and all types; a test compares.
 *
 * Functions that return a promise run on the compute thread, in the order of the calls. They take the promise of a
 * tensor for the tensor, as long as it is pending: `addon.add(addon.sub(a, 1), b)`.
 */

declare const tensorBrand: unique symbol;
declare const networkBrand: unique symbol;
declare const marginSoftmaxBrand: unique symbol;
declare const processGroupBrand: unique symbol;
declare const gradientReducerBrand: unique symbol;
declare const memoryBufferBrand: unique symbol;
declare const distractorRanksBrand: unique symbol;

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

/** A native group of processes, owned by its JavaScript object. */
export interface ProcessGroupHandle {
  readonly [processGroupBrand]: true;
}

/** A native reducer of gradients, owned by its JavaScript object. */
export interface GradientReducerHandle {
  readonly [gradientReducerBrand]: true;
}

/** A native memory buffer, owned by its JavaScript object. */
export interface MemoryBufferHandle {
  readonly [memoryBufferBrand]: true;
}

/** A native ranking among distractors, owned by its JavaScript object. */
export interface DistractorRanksHandle {
  readonly [distractorRanksBrand]: true;
}

/** Element types. */
export type DType = 'float32' | 'float64' | 'bfloat16' | 'float16' | 'int64' | 'int32' | 'uint8' | 'bool';

/** Arithmetic of a layer's products. */
export type Precision = 'float32' | 'bfloat16' | 'float16';

/** Arrays that carry elements into the addon; a Uint16Array holds the bits of a half type. */
export type HostElements =
  Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Uint8ClampedArray | Uint16Array;
/** Arrays that come out of the addon: half types arrive as Float32Array, booleans as Uint8Array. */
export type HostArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/** The class of the errors that users see. */
type ErrorClass = new (code: never, message: string) => Error;
type Dims = number[] | null;
type Operand = TensorInput | number;
type Binary = (a: TensorInput, b: Operand) => Promise<TensorHandle>;
type Unary = (a: TensorInput) => Promise<TensorHandle>;
type Reduction = (a: TensorInput, dims: Dims, keep: boolean) => Promise<TensorHandle>;

interface NamedText {
  name: string;
  text: string;
}

/** The contract as the binary has it: the type of each function, and the types that are named there. */
export interface Signatures {
  functions: NamedText[];
  types: NamedText[];
}

/** Tensors that JavaScript holds. */
export interface LiveTensors {
  count: number;
  /** Of their storages, each once however many tensors share it. */
  bytes: number;
}

/** Memory that tensors use, and what the allocator holds for them, in bytes. */
export interface MemoryUse {
  allocated: number;
  peakAllocated: number;
  reserved: number;
  peakReserved: number;
}

/** Version of LibTorch, how it was built, and whether CUDA can be used. */
export interface BuildInfo {
  libtorch: string;
  configuration: string;
  cuda: boolean;
}

/** How GPUs compute where there is a choice between speed and exactness. */
export interface DeviceSettings {
  /** Products and convolutions of float32 in TF32. */
  allowTf32: boolean;
  /** Algorithms that give the same bits each time. */
  deterministic: boolean;
}

interface CudaDevice {
  name: string;
  /** Compute capability. */
  major: number;
  minor: number;
  /** Bytes. */
  memory: number;
}

/** Decoded images: RGB bytes, batch x height x width x 3. */
interface ImageBatch {
  pixels: Uint8Array;
  batch: number;
  height: number;
  width: number;
  /** One byte an image, nonzero to mirror it. */
  flips: Uint8Array | null;
}

/** Elements in their order, and where they stood. */
export interface Ordered {
  values: TensorHandle;
  indices: TensorHandle;
}

interface NetworkOptions {
  /** Of each of the four layers. */
  blocks: number[];
  widthMultiplier: number;
  embeddingSize: number;
  dropout: number;
  precision: Precision;
  imageSize: number;
  device: string;
}

interface NamedTensor {
  name: string;
  tensor: TensorHandle;
}

/** What came out of a layer, or the gradient of that. */
export interface LayerValues {
  /** Its name in the state dict, without that of the parameter: `layer1.0.conv1`; `layer1.0` is a block's sum. */
  layer: string;
  /** Bytes that the backward pass keeps. */
  bytes: number;
  /** Elements that are NaN or infinite. */
  notFinite: number;
  /** The largest magnitude that is finite. */
  largest: number;
}

/** What a forward and a backward pass did, layer by layer, each in its own order. */
export interface LayerTrace {
  outputs: LayerValues[];
  gradients: LayerValues[];
}

type MarginKind = 'angular' | 'cosine' | 'combined';
type BeyondPi = 'extend' | 'none';
/** Which centres PartialFC moves. */
type RowRule = 'sampled' | 'all';

/** What a margin does to the target logit. */
interface MarginFunction {
  kind: MarginKind;
  beyondPi: BeyondPi;
  angleFactor: number;
  cosineMargin: number;
}

interface MarginSoftmaxOptions {
  scale: number;
  margin: MarginFunction;
  filterThreshold: number;
  precision: Precision;
  /** null: what suits the device. */
  memoryBudget: number | null;
  sampleRate: number;
  rows: RowRule;
  seed: number;
  classes: ClassShard;
  group: ProcessGroupHandle | null;
}

interface MarginSoftmaxBatch {
  embeddings: TensorInput;
  centres: TensorInput;
  labels: TensorInput;
  margins: TensorInput;
  fused: boolean;
  samplerStep: TensorInput | null;
}

interface MarginSoftmaxLoss {
  loss: TensorHandle;
  targetCosines: TensorHandle;
}

/** A step of the head whose limit is measured. */
interface HeadLimitCase {
  batch: number;
  classes: number;
  dim: number;
  bf16: boolean;
  repeats: number;
}

/** The classes that a rank keeps, of `total`. */
interface ClassShard {
  first: number;
  count: number;
  total: number;
}

/** The batches that a rank's part of a step was made of. */
interface StepBatches {
  embeddings: TensorInput[];
  labels: TensorInput[];
  /** Empty where nobody asks for them. */
  indices: TensorInput[];
}

interface MemoryBufferOptions {
  classes: ClassShard;
  /** Images of all ranks. */
  numSamples: number;
  embeddingSize: number;
  alpha: number;
  storage: DType;
}

/** What a memory buffer holds. */
interface MemoryState {
  buffer: TensorHandle;
  samples: TensorHandle;
  sums: TensorHandle;
  counts: TensorHandle;
}

/** The faces of a benchmark, and where they belong. */
interface TemplateFaces {
  features: TensorInput;
  /** Of the mirror images; null: they are not added. */
  mirrored: TensorInput | null;
  /** null: every face counts alike. */
  weights: TensorInput | null;
  /** From 0 on. */
  templates: TensorInput;
  media: TensorInput;
}

/** Accepted pairs at each threshold, the strictest first. */
interface RocPoints {
  /** float64, whole numbers. */
  impostors: TensorHandle;
  genuine: TensorHandle;
  thresholds: TensorHandle;
  allImpostors: number;
  allGenuine: number;
}

/** The best rows of each query, the best first; of equal ones the first. */
interface TopRows {
  /** float32 [Q, K]; -infinity where there are not so many rows. */
  scores: TensorHandle;
  /** int32 [Q, K]; -1 there. */
  indices: TensorHandle;
}

/** The result for rows that came before, with smaller numbers. */
interface BestSoFar {
  scores: TensorInput;
  indices: TensorInput;
}

interface TopOptions {
  count: number;
  /** Number of the first row, where rows come in pieces. */
  first: number;
  /** Products in bfloat16; the results are the same. */
  bfloat16: boolean;
}

interface DistractorOptions {
  /** Of each set of distractors, how many of its largest scores are kept. */
  kept: number[];
  /** Products in bfloat16; the results are the same. */
  bfloat16: boolean;
}

interface MateScores {
  /** Integers [P]: the probe of each pair. */
  probes: TensorInput;
  /** float32 [P], as pairScores gives them for unitRows. */
  scores: TensorInput;
}

interface DistractorRows {
  /** float32 [N, D] of any length. */
  features: TensorInput;
  /** uint8 [N], bit s for being in set s. */
  sets: TensorInput;
  /** uint8 [N], the same where all its scores are counted in the histogram of set s. */
  sampled: TensorInput;
}

interface HighestOfSet {
  /** float32, the largest first. */
  scores: TensorHandle;
  /** int32 */
  probes: TensorHandle;
}

export interface DistractorResult {
  /** int32 [S, P], distractors of the set with a larger score than the pair. */
  above: TensorHandle;
  highest: HighestOfSet[];
  /** int64 [S, 8192], scores of sampled distractors; bin b begins at -1 + b / 4096. */
  histogram: TensorHandle;
}

interface ClassSums {
  sums: TensorInput;
  counts: TensorInput;
  classes: ClassShard;
}

interface ClassConcentration {
  meanResultantLength: TensorHandle;
  kappa: TensorHandle;
}

/** What class margins are computed from. */
interface ClassStatistics {
  meanResultantLength: TensorInput;
  kappa: TensorInput;
  counts: TensorInput;
  samplesPerClass: TensorInput;
}

interface MarginRule {
  temperature: number;
  gamma: number;
  /** The paper's convention instead of the official code's. */
  paper: boolean;
}

interface ClassMarginScale {
  concentrationWeight: TensorHandle;
  populationWeight: TensorHandle;
  marginScale: TensorHandle;
}

/** One step of stochastic gradient descent. */
export interface SgdOptions {
  lr: number;
  momentum: number;
  weightDecay: number;
  nesterov: boolean;
}

/** Where a tensor lies in a file: bytes from its start. */
interface TensorSpan {
  offset: number;
  dtype: DType;
  shape: number[];
}

/** How a rank meets the others. */
interface ProcessGroupOptions {
  rank: number;
  worldSize: number;
  masterAddress: string;
  masterPort: number;
  /** Whether rank 0 keeps the store that all meet at; otherwise whoever started the ranks does. */
  keepsStore: boolean;
  /** Of this machine, as the others reach it. */
  address: string;
  /** Seconds that a rank waits for another. */
  timeout: number;
  /** Whose tensors are exchanged besides those on the CPU: `cpu` for none, or one GPU like `cuda:0`. */
  device: string;
}

/** How values of all ranks become one. */
export type GroupReduction = 'sum' | 'maximum' | 'minimum';

/** What gradients are sent as. */
export type GradientCompression = 'none' | 'bfloat16' | 'float16';

/** What a group has exchanged so far. */
export interface GroupTraffic {
  operations: number;
  /** Bytes that this rank must send at least for what was asked for. */
  bytes: number;
  /** Seconds that computing waited for exchanges. */
  seconds: number;
}

interface GradientReducerOptions {
  /** Gradients that are sent together. */
  bucketBytes: number;
  compression: GradientCompression;
}

/** Rows of a tensor that a file has, one behind the other. */
interface RowsOfFile {
  path: string;
  /** Bytes from the start of the file to the first of them. */
  offset: number;
  rows: number;
}

export interface NativeAddon {
  signatures(): Signatures;

  // runtime
  initialize(errorClass: ErrorClass, debug: boolean, threads: number | null, limitsSpinning: boolean): void;
  setGradEnabled(enabled: boolean): void;
  /**
   * Rejects all calls that wait (`ERR_CANCELLED`, with the reason), and wakes the one that runs if it waits for something
   * outside; any other goes on to its end.
   */
  abort(reason: string): void;
  liveTensors(): LiveTensors;
  computesFast(precision: Precision, device: string): boolean;
  cpuMemory(): MemoryUse;
  cpuResetPeakMemory(): void;
  cpuEmptyCache(): Promise<void>;
  builtWithCuda(): boolean;
  cudaDevices(): Promise<CudaDevice[]>;
  cudaMemory(device: number): Promise<MemoryUse>;
  cudaResetPeakMemory(device: number): Promise<void>;
  cudaEmptyCache(): Promise<void>;
  cudaSynchronize(device: number): Promise<void>;
  cudaSetStream(device: number, stream: number): Promise<void>;
  buildInfo(): BuildInfo;
  configureDevice(settings: DeviceSettings): Promise<void>;
  setThreads(threads: number): Promise<void>;
  getThreads(): Promise<number>;
  manualSeed(seed: number): Promise<void>;
  getRandomState(device: string): Promise<TensorHandle>;
  setRandomState(state: TensorInput, device: string): Promise<void>;
  synchronize(): Promise<void>;

  // creation and transfer
  allocate(shape: number[], dtype: DType, device: string): TensorHandle;
  allocateLike(a: TensorHandle): TensorHandle;
  normalRowsInto(
    target: TensorInput,
    mean: number,
    deviation: number,
    firstRow: number,
    allRows: number,
  ): Promise<void>;
  normalInto(target: TensorInput, mean: number, deviation: number): Promise<void>;
  /** The array is copied at the call. */
  fromHost(source: HostElements, shape: number[], dtype: DType): Promise<TensorHandle>;
  /** Uses the memory itself where it is shared memory; any other is copied at the call. */
  fromShared(source: HostElements, shape: number[], dtype: DType): Promise<TensorHandle>;
  full(shape: number[], value: number, dtype: DType): Promise<TensorHandle>;
  arange(start: number, end: number, step: number, dtype: DType): Promise<TensorHandle>;
  randn(shape: number[], dtype: DType): Promise<TensorHandle>;
  rand(shape: number[], dtype: DType): Promise<TensorHandle>;
  randint(low: number, high: number, shape: number[], dtype: DType): Promise<TensorHandle>;
  randperm(n: number): Promise<TensorHandle>;
  /** Reads shared memory when it runs; any other is copied at the call. */
  imagesFromHost(images: ImageBatch, device: string): Promise<TensorHandle>;
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
  topk(a: TensorInput, k: number, dim: number, largest: boolean): Promise<Ordered>;
  sort(a: TensorInput, dim: number, descending: boolean): Promise<Ordered>;
  equal(a: TensorInput, b: TensorInput): Promise<boolean>;
  allClose(a: TensorInput, b: TensorInput, relative: number, absolute: number): Promise<boolean>;

  // autograd
  requiresGrad(a: TensorHandle): boolean;
  setRequiresGrad(a: TensorInput, value: boolean): Promise<void>;
  isLeaf(a: TensorHandle): boolean;
  backward(a: TensorInput, gradient: TensorInput | null, retainGraph: boolean): Promise<void>;
  grad(a: TensorInput): Promise<TensorHandle | null>;
  /** Drops the gradients, or fills them with zeros where they are. */
  zeroGrad(tensors: TensorInput[], setToNone: boolean): Promise<void>;
  detach: Unary;

  // backbones
  iresnet(options: NetworkOptions): NetworkHandle;
  networkInitialize(network: NetworkHandle): Promise<void>;
  networkForward(network: NetworkHandle, images: TensorInput, training: boolean): Promise<TensorHandle>;
  networkParameters(network: NetworkHandle): NamedTensor[];
  networkBuffers(network: NetworkHandle): NamedTensor[];
  networkFollow(network: NetworkHandle, source: NetworkHandle, momentum: number): Promise<void>;
  networkKeepBuffers(network: NetworkHandle): Promise<void>;
  networkRestoreBuffers(network: NetworkHandle): Promise<void>;
  networkMergeStatistics(network: NetworkHandle, group: ProcessGroupHandle): Promise<void>;
  networkNormalizeOver(network: NetworkHandle, group: ProcessGroupHandle | null): Promise<void>;
  /** Begins to note what layers give, or ends it; tells what was noted since the last call. */
  networkTrace(network: NetworkHandle, on: boolean): Promise<LayerTrace>;
  disposeNetwork(network: NetworkHandle): void;
  measureConvolution(precision: Precision, seconds: number): Promise<number>;

  // head
  marginSoftmax(options: MarginSoftmaxOptions): MarginSoftmaxHandle;
  marginSoftmaxForward(head: MarginSoftmaxHandle, batch: MarginSoftmaxBatch): Promise<MarginSoftmaxLoss>;
  marginSoftmaxDraw(
    head: MarginSoftmaxHandle,
    labels: TensorInput[],
    centres: TensorInput,
    samplerStep: TensorInput,
  ): Promise<void>;
  marginSoftmaxUpdate(
    head: MarginSoftmaxHandle,
    centres: TensorInput,
    velocity: TensorInput,
    options: SgdOptions,
    found: TensorInput | null,
  ): Promise<void>;
  /** Adds to `found`, one float32 element on the device, where a waiting pass is not finite. */
  marginSoftmaxCheck(head: MarginSoftmaxHandle, found: TensorInput): Promise<void>;
  marginSoftmaxUnscale(head: MarginSoftmaxHandle, scale: number): Promise<void>;
  marginSoftmaxDrop(head: MarginSoftmaxHandle): Promise<void>;
  disposeMarginSoftmax(head: MarginSoftmaxHandle): void;
  measureHeadLimit(step: HeadLimitCase): Promise<number>;

  // concentration
  /** @param samplesPerClass int32, of the classes that are kept */
  memoryBuffer(options: MemoryBufferOptions, samplesPerClass: HostElements): MemoryBufferHandle;
  memoryBufferState(memory: MemoryBufferHandle): MemoryState;
  memoryBufferClear(memory: MemoryBufferHandle): Promise<void>;
  /** All ranks of a group call it together, and those below. */
  memoryBufferUpdate(
    memory: MemoryBufferHandle,
    step: StepBatches,
    group: ProcessGroupHandle | null,
  ): Promise<void>;
  disposeMemoryBuffer(memory: MemoryBufferHandle): void;
  addToClassSums(classSums: ClassSums, step: StepBatches, group: ProcessGroupHandle | null): Promise<void>;
  classConcentration(
    sums: TensorInput,
    counts: TensorInput,
    debias: boolean,
    group: ProcessGroupHandle | null,
  ): Promise<ClassConcentration>;
  classMarginScale(
    statistics: ClassStatistics,
    rule: MarginRule,
    group: ProcessGroupHandle | null,
  ): Promise<ClassMarginScale>;

  // optimizers
  /** Moves nothing where `found` is not 0. */
  sgdStep(
    parameters: TensorInput[],
    velocities: TensorInput[],
    options: SgdOptions,
    found: TensorInput | null,
  ): Promise<void>;
  /** Adds to `found` where a gradient is not finite. */
  unscaleGradients(parameters: TensorInput[], scale: number, found: TensorInput): Promise<void>;
  gradientNorm(parameters: TensorInput[]): Promise<TensorHandle>;
  /** The norm before. */
  clipGradients(parameters: TensorInput[], maxNorm: number): Promise<TensorHandle>;
  /** Adds to `found` how many elements are not finite. */
  noteNotFinite(found: TensorInput, values: TensorInput[]): Promise<void>;
  /** Of tensors of one element each, in one transfer. */
  readNumbers(tensors: TensorInput[]): Promise<number[]>;

  // benchmarks
  poolTemplates(faces: TemplateFaces, templates: number, normalises: boolean): Promise<TensorHandle>;
  pairScores(rows: TensorInput, first: TensorInput, second: TensorInput): Promise<TensorHandle>;
  rocPoints(scores: TensorInput, isGenuine: TensorInput, dropsIntermediate: boolean): Promise<RocPoints>;
  unitRows(rows: TensorInput): Promise<TensorHandle>;
  /** @param before the result for rows that came before */
  topRows(
    queries: TensorInput,
    rows: TensorInput,
    options: TopOptions,
    before: BestSoFar | null,
  ): Promise<TopRows>;
  /** @param probes as unitRows gives them */
  distractorRanks(
    options: DistractorOptions,
    probes: TensorInput,
    mates: MateScores,
  ): Promise<DistractorRanksHandle>;
  distractorRanksAdd(ranks: DistractorRanksHandle, distractors: DistractorRows): Promise<void>;
  distractorRanksResult(ranks: DistractorRanksHandle): Promise<DistractorResult>;
  disposeDistractorRanks(ranks: DistractorRanksHandle): void;

  // processes; all ranks of a group make the same calls in the same order
  processGroup(options: ProcessGroupOptions): Promise<ProcessGroupHandle>;
  groupGather(group: ProcessGroupHandle, rows: TensorInput): Promise<TensorHandle>;
  groupScatterSum(group: ProcessGroupHandle, rows: TensorInput): Promise<TensorHandle>;
  groupReduce(group: ProcessGroupHandle, values: TensorInput, reduction: GroupReduction): Promise<void>;
  groupBroadcast(group: ProcessGroupHandle, tensors: TensorInput[]): Promise<void>;
  groupAtStep(group: ProcessGroupHandle, step: number): Promise<void>;
  /** Waits until the group's GPU has done what was asked of it; then the host may read what came of exchanges. */
  groupSettle(group: ProcessGroupHandle): Promise<void>;
  groupPutText(group: ProcessGroupHandle, key: string, value: string): Promise<void>;
  groupTakeText(group: ProcessGroupHandle, key: string): Promise<string | null>;
  groupForgetText(group: ProcessGroupHandle, key: string): Promise<void>;
  groupLeave(group: ProcessGroupHandle, seconds: number): Promise<void>;
  groupTraffic(group: ProcessGroupHandle): GroupTraffic;
  disposeProcessGroup(group: ProcessGroupHandle): void;
  gradientReducer(
    group: ProcessGroupHandle,
    parameters: TensorInput[],
    options: GradientReducerOptions,
  ): Promise<GradientReducerHandle>;
  reducerBackward(reducer: GradientReducerHandle, loss: TensorInput): Promise<void>;
  disposeGradientReducer(reducer: GradientReducerHandle): void;

  // files
  writeTensorFile(path: string, header: Uint8Array, tensors: TensorInput[]): Promise<void>;
  /** As `writeTensorFile`, on the background thread; the tensors must stay as they are until it has ended. */
  writeTensorFileAside(path: string, header: Uint8Array, tensors: TensorHandle[]): Promise<void>;
  /** Copies as they are now: contiguous, in the memory of the CPU. */
  snapshotTensors(tensors: TensorInput[]): Promise<TensorHandle[]>;
  readTensorFile(path: string, spans: TensorSpan[]): Promise<TensorHandle[]>;
  /** One tensor, its rows from several files. */
  readTensorRows(dtype: DType, shape: number[], pieces: RowsOfFile[]): Promise<TensorHandle>;
}
