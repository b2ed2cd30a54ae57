import type { ObservedBatch } from '../concentration/estimator';
import { classRange, type ClassRange } from '../distributed/class-range';
import type { RankGroup } from '../distributed/rank-group';
import { KappaError } from '../errors';
import type { MarginSoftmaxHandle, Precision, SgdOptions } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';
import type { NamedTensors, Stateful } from '../nn/module';
import { copyState } from '../nn/module';
import { choosePrecision, type PrecisionChoice } from '../runtime/precision';
import { gradientNorm } from '../optim/clip';
import { noteNotFinite } from '../optim/decision';
import { setFusedUpdater } from '../optim/fused-update';
import { Tensor } from '../tensor/tensor';

/** What every margin head has, with its defaults filled in. */
export interface CommonHeadOptions {
  readonly numClasses: number;
  readonly embeddingSize: number;
  readonly scale: number;
  readonly beyondPi?: 'extend' | 'none';
  readonly dtype: 'float32' | 'float64';
  readonly precision: PrecisionChoice;
  readonly fusedUpdate: boolean;
  readonly sampleRate: number;
  readonly rows: 'sampled' | 'all';
  readonly seed: number;
  readonly interclassFilteringThreshold: number;
  readonly memoryBudget: number | 'auto';
  readonly device: string;
}

/** Where a head's classes are spread over the ranks of a run. */
export interface SpreadOptions {
  /**
   * The ranks that share the classes out; each has floor(numClasses / worldSize) of them, the first ranks one more where
   * they do not come out even. @default undefined: this process has all of them
   */
  group?: RankGroup;
}

/** What a head's `forward` needs besides embeddings and labels. */
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

const CENTRE_DEVIATION = 0.01;

/** What a head knows besides its tensors, for a checkpoint: plain numbers by name. */
export type HeadCounters = Readonly<Record<string, number>>;

/**
 * Softmax cross-entropy over the cosines to class centres, with a margin on the target logit. Forward and backward
 * are one analytic operation that walks the centres in blocks: no matrix of logits ever exists. Centres start as
 * N(0, 0.01).
 */
export abstract class MarginHead implements Stateful {
  readonly numClasses: number;
  readonly embeddingSize: number;
  readonly scale: number;
  readonly beyondPi: 'extend' | 'none';
  readonly precision: Precision;
  /** Where centres and margins are. */
  readonly device: string;
  readonly fusedUpdate: boolean;
  readonly sampleRate: number;
  /** The classes of this rank: all of them where there is one. */
  readonly classes: ClassRange;
  /** The ranks that the classes are spread over. */
  readonly group: RankGroup | undefined;
  /** Centres of this rank's classes (classes.count, embeddingSize), not normalised. */
  readonly centres: Tensor;
  /** Margin of each of this rank's classes (classes.count): radians, or cosine for CosFace. */
  readonly margins: Tensor;
  /** How many samples of the classes were drawn: int64 (1). */
  readonly #samplerStep: Tensor;
  readonly #ready: Promise<unknown>;
  #handle: MarginSoftmaxHandle | undefined;

  protected constructor(
    options: CommonHeadOptions,
    recipe: MarginRecipe,
    group: RankGroup | undefined = undefined,
  ) {
    const { beyondPi = 'extend', dtype, device } = options;
    const { margin } = recipe;
    this.numClasses = options.numClasses;
    this.group = group;
    this.classes = classRange(options.numClasses, group?.rank ?? 0, group?.worldSize ?? 1);
    if (this.classes.count === 0)
      throw new KappaError(
        'ERR_CONFIG',
        `${options.numClasses} classes cannot be spread over ${group?.worldSize} ranks: each needs one at least.`,
      );
    this.embeddingSize = options.embeddingSize;
    this.scale = options.scale;
    this.beyondPi = beyondPi;
    // In float64 there is nothing to narrow.
    this.precision = dtype === 'float64' ? 'float32' : choosePrecision(options.precision, device);
    this.device = device;
    this.fusedUpdate = options.fusedUpdate;
    this.sampleRate = options.sampleRate;
    this.#handle = native().marginSoftmax({
      scale: options.scale,
      margin: {
        kind: recipe.kind,
        beyondPi,
        angleFactor: recipe.angleFactor ?? 1,
        cosineMargin: recipe.cosineMargin ?? 0,
      },
      filterThreshold: options.interclassFilteringThreshold,
      precision: this.precision,
      memoryBudget: options.memoryBudget === 'auto' ? null : options.memoryBudget,
      sampleRate: options.sampleRate,
      rows: options.rows,
      seed: options.seed,
      classes: { ...this.classes, total: this.numClasses },
      group: group?.handle ?? null,
    });
    this.centres = Tensor.empty([this.classes.count, this.embeddingSize], { dtype, device }).keep();
    this.margins = Tensor.empty([this.classes.count], { dtype, device }).keep();
    this.#samplerStep = Tensor.empty([1], { dtype: 'int64' }).keep();
    this.#ready = Promise.all([this.#drawCentres(), this.margins.fill(margin), this.#samplerStep.fill(0)]);
    this.#ready.catch(() => undefined); // reported by the first forward
    if (this.fusedUpdate) setFusedUpdater(this.centres, this);
    else this.centres.requiresGrad = true;
  }

  /** Whatever the number of ranks, the centres begin as those of one. */
  #drawCentres(): Promise<void> {
    if (this.group === undefined) return this.centres.fillNormal(0, CENTRE_DEVIATION);
    const [centres, { first }, all] = [this.centres.handle, this.classes, this.numClasses];
    return submit((addon) => addon.normalRowsInto(centres, 0, CENTRE_DEVIATION, first, all));
  }

  get #native(): MarginSoftmaxHandle {
    if (this.#handle === undefined) throw new KappaError('ERR_DISPOSED', 'This head has been disposed.');
    return this.#handle;
  }

  /**
   * Draws the classes that all forward passes up to the next update go over, where `sampleRate` is below 1: several
   * batches of a step then are as one large batch. Without this call each forward pass draws its own.
   *
   * @param labels of each batch of this rank, int64 (batch)
   */
  async drawClasses(labels: readonly Tensor[]): Promise<void> {
    if (this.sampleRate >= 1) return;
    const [head, centres, step] = [this.#native, this.centres.handle, this.#samplerStep.handle];
    const handles = labels.map((batch) => batch.handle);
    await Promise.all([
      submit((addon) => addon.marginSoftmaxDraw(head, handles, centres, step)),
      this.#ready,
    ]);
  }

  /**
   * Mean loss of a batch; over several ranks, which all call it with as many samples, that of the batches of all.
   *
   * @param embeddings (batch, embeddingSize), not normalised
   * @param labels int64 (batch), of all classes; other integer types are taken; best on the CPU, also for a head on a GPU: there they are checked without a wait
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
    const wrap = Tensor.wrapper();
    const head = this.#native;
    const batch = {
      embeddings: embeddings.handle,
      centres: this.centres.handle,
      labels: labels.handle,
      margins: this.margins.handle,
      fused: this.fusedUpdate,
      samplerStep: this.#samplerStep.handle,
    };
    const [{ loss, targetCosines }] = await Promise.all([
      submit((addon) => addon.marginSoftmaxForward(head, batch)),
      this.#ready,
    ]);
    return { loss: wrap(loss), targetCosines: wrap(targetCosines) };
  }

  /** What the optimizer updates. */
  parameters(): Tensor[] {
    return [this.centres];
  }

  /**
   * Looks whether the gradient of the centres is finite, or what the head will update them by where `fusedUpdate` is on.
   *
   * @param found float32 (1), on the centres' device: added to where it is not
   */
  async checkGradients(found: Tensor): Promise<void> {
    if (this.fusedUpdate) await this.checkUpdate(found);
    else await noteNotFinite(found, [await gradientNorm(this.parameters())]);
  }

  /** @internal called by the optimizer where `fusedUpdate` is on */
  async applyUpdate(velocity: Tensor, step: SgdOptions, found?: Tensor): Promise<void> {
    const [head, centres, speed] = [this.#native, this.centres.handle, velocity.handle];
    const noted = found?.handle ?? null;
    await submit((addon) => addon.marginSoftmaxUpdate(head, centres, speed, step, noted));
  }

  /** @internal called by the optimizer where `fusedUpdate` is on */
  async unscaleUpdate(scale: number): Promise<void> {
    const head = this.#native;
    await submit((addon) => addon.marginSoftmaxUnscale(head, scale));
  }

  /** @internal called by the optimizer where `fusedUpdate` is on */
  async checkUpdate(found: Tensor): Promise<void> {
    const [head, noted] = [this.#native, found.handle];
    await submit((addon) => addon.marginSoftmaxCheck(head, noted));
  }

  /** @internal called by the optimizer where `fusedUpdate` is on */
  async dropUpdate(): Promise<void> {
    const head = this.#native;
    await submit((addon) => addon.marginSoftmaxDrop(head));
  }

  /**
   * Takes in the batches of a step that the optimizer has made: several under gradient accumulation. What a head learns
   * of the classes comes from here; most heads learn nothing.
   */
  async observe(..._batches: readonly ObservedBatch[]): Promise<void> {}

  /**
   * Ends an epoch: a head that adapts its margins sets them now.
   *
   * @returns whether there was anything to go by; always true for a head that adapts nothing
   */
  async endEpoch(): Promise<boolean> {
    return true;
  }

  /**
   * What was last found of the concentrations kappa of all classes, for heads that estimate them. All ranks call it
   * together.
   */
  async concentrations(): Promise<number[] | undefined> {
    return undefined;
  }

  /** The same of this rank's classes alone; float64 (classes.count). Belongs to the head. */
  get ownConcentrations(): Tensor | undefined {
    return undefined;
  }

  /** Plain numbers that belong to the state: a checkpoint keeps them beside {@link stateDict}. */
  get counters(): HeadCounters {
    return {};
  }

  stateDict(): NamedTensors {
    const sampler: [string, Tensor][] = this.sampleRate < 1 ? [['samplerStep', this.#samplerStep]] : [];
    return new Map([['centres', this.centres], ['margins', this.margins], ...sampler]);
  }

  /**
   * @param _counters what {@link counters} said when the state was kept
   * @throws KappaError `ERR_CHECKPOINT`
   */
  async loadStateDict(state: ReadonlyMap<string, Tensor>, _counters: HeadCounters = {}): Promise<void> {
    await Promise.all([copyState(this.stateDict(), state, 'head'), this.#ready]);
  }

  /** @deprecated use {@link stateDict} */
  state(): NamedTensors {
    return this.stateDict();
  }

  /** @deprecated use {@link loadStateDict} */
  loadState(state: ReadonlyMap<string, Tensor>): Promise<void> {
    return this.loadStateDict(state);
  }

  /** Frees its tensors once the operations queued before have run. */
  dispose(): void {
    this.centres.dispose();
    this.margins.dispose();
    this.#samplerStep.dispose();
    if (this.#handle === undefined) return;
    native().disposeMarginSoftmax(this.#handle);
    this.#handle = undefined;
  }

  /** What `using` does at the end of a block: {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
