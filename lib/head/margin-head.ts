import { KappaError, argumentError } from '../errors';
import type { MarginSoftmaxHandle, Precision } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';
import type { NamedTensors, Stateful } from '../nn/module';
import { checkPrecision, loadState } from '../nn/module';
import { setFusedUpdater } from '../optim/fused-update';
import type { DescentStep, FusedUpdater } from '../optim/fused-update';
import { Tensor } from '../tensor/tensor';

export interface MarginHeadOptions {
  numClasses: number;
  /** Dimension of the embeddings; 512 by default. */
  embeddingSize?: number;
  /** Factor s on the logits; 64 by default. */
  scale?: number;
  /**
   * Where theta + margin exceeds pi: `extend` lets the target logit go on falling, `none` leaves cos(theta + margin)
   * as it is. `extend` by default.
   */
  beyondPi?: 'extend' | 'none';
  /** Element type of centres and embeddings; float32 by default. */
  dtype?: 'float32' | 'float64';
  /**
   * `bf16` and `float16` multiply embeddings and centres in bfloat16 and float16 with float32 sums; targets, softmax,
   * centres and their update stay float32. Needs dtype float32. On the CPU float16 computes in float32, which is no
   * slower there. `float32` by default.
   */
  precision?: Precision;
  /**
   * The optimizer's step for the centres happens inside the head, without a matrix of their gradients: the same
   * numbers for less time and memory. The centres have no `grad` then. Off by default.
   */
  fusedUpdate?: boolean;
  /**
   * PartialFC (An et al., 2022): share of the classes in each training step, all classes of the batch among them, the
   * others drawn at random. Below 1 it needs `fusedUpdate`. 1 by default.
   */
  sampleRate?: number;
  /** Seed of the random classes of PartialFC; 0 by default. */
  seed?: number;
  /**
   * Inter-class filtering: where the cosine to another class is above this threshold the label is taken for wrong,
   * and that logit becomes 0 without a gradient. 1, the default, filters nothing.
   */
  interclassFilteringThreshold?: number;
  /** Bytes for what is kept between the passes, at most; the rest is computed again. 46 MiB by default. */
  memoryBudget?: number;
  /** Where centres and margins are: `cpu` (by default), `cuda` or `cuda:N`. Embeddings must be there too. */
  device?: string;
}

export interface ForwardOptions {
  /** int64 (batch), position of each sample in the training set: the memory buffer records the batch then. */
  sampleIndex?: Tensor;
}

/** What a kind of head does to the target logit. */
export interface MarginRecipe {
  kind: 'angular' | 'cosine' | 'combined';
  /** Initial margin of every class: radians, or cosine for the cosine kind. */
  margin: number;
  /** Factor on the angle (combined kind). */
  angleFactor?: number;
  /** Margin in cosine besides that in the angle (combined kind). */
  cosineMargin?: number;
}

const centreDeviation = 0.01;
const defaultMemoryBudget = 46 * 2 ** 20;

function checkOptions(options: Required<Omit<MarginHeadOptions, 'dtype'>>, dtype: string): void {
  const { numClasses, embeddingSize, scale, beyondPi, precision, sampleRate, fusedUpdate } = options;
  for (const [name, value] of Object.entries({ numClasses, embeddingSize })) {
    if (!Number.isSafeInteger(value) || value < 1) throw argumentError(name, 'a whole number above 0', value);
  }
  if (!(scale > 0 && scale < Infinity)) throw argumentError('scale', 'a number above 0', scale);
  if (beyondPi !== 'extend' && beyondPi !== 'none')
    throw argumentError('beyondPi', "'extend' or 'none'", beyondPi);
  checkPrecision(precision);
  if (precision !== 'float32' && dtype !== 'float32')
    throw argumentError('dtype', `'float32' where precision is '${precision}'`, dtype);
  if (!(sampleRate > 0 && sampleRate <= 1))
    throw argumentError('sampleRate', 'a number above 0 and at most 1', sampleRate);
  if (sampleRate < 1 && !fusedUpdate)
    throw argumentError('fusedUpdate', 'true where sampleRate is below 1', fusedUpdate);
  const { seed, interclassFilteringThreshold: threshold, memoryBudget } = options;
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw argumentError('seed', 'a whole number of 0 or more', seed);
  if (!(threshold > 0)) throw argumentError('interclassFilteringThreshold', 'a number above 0', threshold);
  if (!(memoryBudget >= 0 && memoryBudget < Infinity))
    throw argumentError('memoryBudget', 'a number of bytes', memoryBudget);
}

/**
 * Softmax cross-entropy over the cosines to class centres, with a margin on the target logit. Forward and backward
 * are one analytic operation that walks the centres in blocks: no matrix of logits ever exists. Centres start as
 * N(0, 0.01).
 */
export abstract class MarginHead implements Stateful, FusedUpdater {
  readonly numClasses: number;
  readonly embeddingSize: number;
  readonly scale: number;
  readonly beyondPi: 'extend' | 'none';
  readonly precision: Precision;
  /** Where centres and margins are. */
  readonly device: string;
  readonly fusedUpdate: boolean;
  readonly sampleRate: number;
  /** Class centres (numClasses, embeddingSize), not normalised. */
  readonly centres: Tensor;
  /** Margin of each class (numClasses): radians, or cosine for CosFace. */
  readonly margins: Tensor;
  /** How many samples of the classes were drawn: int64 (1). */
  readonly #samplerStep: Tensor;
  readonly #ready: Promise<unknown>;
  #handle: MarginSoftmaxHandle | undefined;

  protected constructor(given: MarginHeadOptions, recipe: MarginRecipe) {
    const { dtype = 'float32' } = given;
    const options: Required<Omit<MarginHeadOptions, 'dtype'>> = {
      embeddingSize: 512,
      scale: 64,
      beyondPi: 'extend',
      precision: 'float32',
      fusedUpdate: false,
      sampleRate: 1,
      seed: 0,
      interclassFilteringThreshold: 1,
      memoryBudget: defaultMemoryBudget,
      device: 'cpu',
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      numClasses: given.numClasses,
    };
    checkOptions(options, dtype);
    const { margin } = recipe;
    if (!(margin >= 0 && margin <= Math.PI)) throw argumentError('margin', 'a number from 0 to pi', margin);
    this.numClasses = options.numClasses;
    this.embeddingSize = options.embeddingSize;
    this.scale = options.scale;
    this.beyondPi = options.beyondPi;
    this.precision = options.precision;
    this.device = options.device;
    this.fusedUpdate = options.fusedUpdate;
    this.sampleRate = options.sampleRate;
    this.#handle = native().marginSoftmax(
      options.scale,
      recipe.kind,
      options.beyondPi,
      recipe.angleFactor ?? 1,
      recipe.cosineMargin ?? 0,
      options.interclassFilteringThreshold,
      options.precision,
      options.memoryBudget,
      options.sampleRate,
      options.seed,
    );
    const { device } = options;
    this.centres = Tensor.empty([this.numClasses, this.embeddingSize], { dtype, device }).keep();
    this.margins = Tensor.empty([this.numClasses], { dtype, device }).keep();
    this.#samplerStep = Tensor.empty([1], { dtype: 'int64' }).keep();
    this.#ready = Promise.all([
      this.centres.fillNormal(0, centreDeviation),
      this.margins.fill(margin),
      this.#samplerStep.fill(0),
    ]);
    this.#ready.catch(() => undefined); // reported by the first forward
    if (this.fusedUpdate) setFusedUpdater(this.centres, this);
    else this.centres.requiresGrad = true;
  }

  get #native(): MarginSoftmaxHandle {
    if (this.#handle === undefined) throw new KappaError('ERR_DISPOSED', 'This head has been disposed.');
    return this.#handle;
  }

  /**
   * Mean loss of a batch.
   *
   * @param embeddings (batch, embeddingSize), not normalised
   * @param labels int64 (batch); best on the CPU, also for a head on a GPU: there they are checked without a wait
   * @returns one element, differentiable by embeddings and centres
   * @throws KappaError `ERR_SHAPE`, `ERR_DTYPE`, `ERR_DEVICE`, `ERR_LABEL_RANGE`
   */
  async forward(embeddings: Tensor, labels: Tensor, _options: ForwardOptions = {}): Promise<Tensor> {
    const { loss, targetCosines } = await this.forwardWithCosines(embeddings, labels);
    targetCosines.dispose();
    return loss;
  }

  /** As `forward`, with the cosine of each sample to the centre of its class. */
  async forwardWithCosines(
    embeddings: Tensor,
    labels: Tensor,
  ): Promise<{ loss: Tensor; targetCosines: Tensor }> {
    const head = this.#native;
    const inputs = [embeddings.handle, this.centres.handle, labels.handle, this.margins.handle] as const;
    const samplerStep = this.#samplerStep.handle;
    const [[loss, cosines]] = await Promise.all([
      submit((addon) => addon.marginSoftmaxForward(head, ...inputs, this.fusedUpdate, samplerStep)),
      this.#ready,
    ]);
    return { loss: Tensor.wrap(loss), targetCosines: Tensor.wrap(cosines) };
  }

  /** What the optimizer updates. */
  parameters(): Tensor[] {
    return [this.centres];
  }

  /** @internal called by the optimizer where `fusedUpdate` is on */
  async applyUpdate(velocity: Tensor, step: DescentStep): Promise<void> {
    const [head, centres, speed] = [this.#native, this.centres.handle, velocity.handle];
    const { lr, momentum, weightDecay, nesterov } = step;
    await submit((addon) =>
      addon.marginSoftmaxUpdate(head, centres, speed, lr, momentum, weightDecay, nesterov),
    );
  }

  /** @internal called by the optimizer where `fusedUpdate` is on */
  async unscaleUpdate(scale: number): Promise<void> {
    const head = this.#native;
    await submit((addon) => addon.marginSoftmaxUnscale(head, scale));
  }

  /** @internal called by the optimizer where `fusedUpdate` is on */
  async dropUpdate(): Promise<void> {
    const head = this.#native;
    await submit((addon) => addon.marginSoftmaxDrop(head));
  }

  state(): NamedTensors {
    const sampler: [string, Tensor][] = this.sampleRate < 1 ? [['samplerStep', this.#samplerStep]] : [];
    return new Map([['centres', this.centres], ['margins', this.margins], ...sampler]);
  }

  /** @throws KappaError `ERR_CHECKPOINT` */
  async loadState(state: ReadonlyMap<string, Tensor>): Promise<void> {
    await Promise.all([loadState(this.state(), state, 'head'), this.#ready]);
  }

  dispose(): void {
    this.centres.dispose();
    this.margins.dispose();
    this.#samplerStep.dispose();
    if (this.#handle === undefined) return;
    native().disposeMarginSoftmax(this.#handle);
    this.#handle = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
