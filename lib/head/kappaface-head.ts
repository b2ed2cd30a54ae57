import type { ConcentrationEstimator, ObservedBatch } from '../concentration/estimator';
import { computeClassMargins } from '../concentration/margins';
import type { ClassMargins } from '../concentration/margins';
import type { MarginRule } from '../concentration/option-types';
import { MemoryBuffer } from '../concentration/memory-buffer';
import { MomentumEncoder } from '../concentration/momentum-encoder';
import type { ConcentrationSection } from '../concentration/options';
import { gatherClasses } from '../distributed/gather-classes';
import { KappaError } from '../errors';
import type { Backbone } from '../nn/backbone';
import type { NamedTensors } from '../nn/module';
import { resolveOptions } from '../options/check';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import { MarginHead } from './margin-head';
import type { ForwardOptions, HeadCounters, SpreadOptions } from './margin-head';
import type { KappaFaceOptions } from './option-types';
import { kappafaceOptions } from './options';

/** How the embeddings of each class are collected; the momentum encoder follows the `backbone`. */
export type ConcentrationOptions = NonNullable<KappaFaceOptions['concentration']> & { backbone?: Backbone };

/** What makes a {@link KappaFaceHead}. */
export interface KappaFaceHeadOptions extends Omit<KappaFaceOptions, 'concentration'>, SpreadOptions {
  /** Images of each class in the training set. */
  samplesPerClass: ArrayLike<number>;
  /**
   * `{ kind: 'momentum', backbone }`, as in the official recipe, or `{ kind: 'memory' }`, which needs no second forward
   * pass but a stored vector for each image.
   */
  concentration: ConcentrationOptions;
}

/**
 * KappaFace (Oinar, Le, Woo, 2022): an angular margin psi_c m0 for each class c, larger for classes whose embeddings
 * are scattered (low von Mises-Fisher concentration kappa) and for classes with few images.
 *
 * @example
 * const loss = await head.forward(embeddings, labels, { sampleIndex });
 * await loss.backward();
 * await optimizer.step();
 * await head.updateMargins(); // at the end of an epoch
 */
export class KappaFaceHead extends MarginHead {
  readonly margin: number;
  readonly rule: Required<MarginRule>;
  readonly initialMarginScale: number;
  readonly blendEpochs: number;
  readonly concentration: ConcentrationEstimator;
  /** Concentration of each of this rank's classes at the last update of the margins, float64; zeros before. */
  readonly kappa: Tensor;
  readonly #samplesPerClass: ArrayLike<number>;
  readonly #kappaReady: Promise<void>;
  #updates = 0;

  /** @throws KappaError `ERR_ARGUMENT`, `ERR_SHAPE` where backbone and head differ in the embeddings' dimension */
  constructor({ samplesPerClass, concentration: given, group, ...rest }: KappaFaceHeadOptions) {
    const { backbone, ...concentration } = given ?? {};
    const options = resolveOptions(kappafaceOptions(), { ...rest, concentration } as KappaFaceOptions);
    const { margin, initialMarginScale } = options;
    super(
      { ...options, numClasses: samplesPerClass.length },
      { kind: 'angular', margin: margin * initialMarginScale },
      group,
    );
    this.margin = margin;
    this.initialMarginScale = initialMarginScale;
    this.blendEpochs = options.blendEpochs;
    this.#samplesPerClass = Float64Array.from(samplesPerClass);
    const { temperature, gamma, convention, debias } = options;
    this.rule = { temperature, gamma, convention, debias };
    this.kappa = Tensor.empty([this.classes.count], { dtype: 'float64' }).keep();
    this.#kappaReady = this.kappa.fill(0);
    this.#kappaReady.catch(() => undefined); // reported by updateMargins
    this.concentration = this.#makeEstimator(options.concentration, backbone);
  }

  #makeEstimator(section: ConcentrationSection, backbone: Backbone | undefined): ConcentrationEstimator {
    const { numClasses, embeddingSize, classes, group } = this;
    if (section.kind === 'momentum') {
      const { momentum } = section;
      if (backbone === undefined)
        throw new KappaError(
          'ERR_ARGUMENT',
          "The momentum encoder follows a backbone: give concentration: { kind: 'momentum', backbone }, or take the memory buffer, concentration: { kind: 'memory' }.",
        );
      if (backbone.options.embeddingSize !== embeddingSize)
        throw new KappaError(
          'ERR_SHAPE',
          `The backbone makes embeddings of dimension ${backbone.options.embeddingSize} but the head has ${embeddingSize}.`,
        );
      return new MomentumEncoder({ momentum, backbone, numClasses, classes, group });
    }
    const { alpha, storage } = section;
    return new MemoryBuffer({
      ...{ alpha, storage, embeddingSize, classes, group },
      samplesPerClass: this.#samplesPerClass,
    });
  }

  /** How often the margins have been updated. */
  get updates(): number {
    return this.#updates;
  }

  /** As in every head; with `sampleIndex` the memory buffer also takes in the batch. */
  override async forward(embeddings: Tensor, labels: Tensor, options: ForwardOptions = {}): Promise<Tensor> {
    const loss = await super.forward(embeddings, labels);
    if (options.sampleIndex && this.concentration.kind === 'memory') {
      await this.concentration.update({ embeddings, labels, sampleIndex: options.sampleIndex });
    }
    return loss;
  }

  /**
   * Takes in the batches of one step for the estimate of concentration, once a step after the optimizer: under gradient
   * accumulation all of them in one call, since the momentum encoder moves at each. Not needed for the memory buffer
   * where `forward` was given `sampleIndex`.
   */
  override observe(...batches: readonly ObservedBatch[]): Promise<void> {
    return this.concentration.update(...batches);
  }

  /** Whether any embedding was collected that `updateMargins` could go by. */
  async hasObserved(): Promise<boolean> {
    await this.concentration.ready();
    return scope(async () => {
      const seen = await this.concentration.counts.sum();
      await this.group?.allReduce(seen);
      return (await seen.item()) > 0;
    });
  }

  /** What is known of the classes now, without changing a margin. The caller owns the tensors. */
  async classMargins(): Promise<ClassMargins> {
    await this.concentration.ready();
    return scope(async () => {
      const { first, count } = this.classes;
      const own = Float64Array.from(this.#samplesPerClass).subarray(first, first + count);
      const samples = await Tensor.from(own.slice());
      return computeClassMargins(
        this.concentration.sums,
        this.concentration.counts,
        samples,
        this.rule,
        this.group,
      );
    });
  }

  /**
   * Sets the margins from what was collected: psi_c m0 (blended with the initial value over the first
   * `blendEpochs` updates). Call it at the end of each epoch.
   *
   * @throws KappaError `ERR_ARGUMENT` if nothing was collected
   */
  async updateMargins(): Promise<void> {
    await scope(async () => {
      if (!(await this.hasObserved())) {
        throw new KappaError(
          'ERR_ARGUMENT',
          'updateMargins() has nothing to go by: pass sampleIndex to forward(), or call observe() after each step.',
        );
      }
      const { marginScale, kappa } = await this.classMargins();
      await this.#kappaReady;
      await this.kappa.copyFrom(kappa);
      this.#updates += 1;
      const share = this.blendEpochs > 0 ? Math.min(1, this.#updates / this.blendEpochs) : 1;
      const blended = marginScale.mul(share).add((1 - share) * this.initialMarginScale);
      await this.margins.copyFrom(blended.mul(this.margin));
      await this.concentration.nextEpoch();
    });
  }

  /** psi of each of this rank's classes as it is in force. */
  async marginScale(): Promise<number[]> {
    if (this.margin === 0) return new Array<number>(this.classes.count).fill(this.initialMarginScale);
    return scope(async () => (await this.margins.div(this.margin)).toArray());
  }

  override async endEpoch(): Promise<boolean> {
    if (!(await this.hasObserved())) return false;
    await this.updateMargins();
    return true;
  }

  override async concentrations(): Promise<number[] | undefined> {
    if (this.#updates === 0) return undefined;
    if (this.group === undefined) return this.kappa.toArray();
    return gatherClasses(this.kappa, this.numClasses, this.group);
  }

  override get ownConcentrations(): Tensor | undefined {
    return this.#updates === 0 ? undefined : this.kappa;
  }

  override get counters(): HeadCounters {
    return { marginUpdates: this.#updates };
  }

  override stateDict(): NamedTensors {
    return new Map([...super.stateDict(), ['kappa', this.kappa], ...this.concentration.stateDict()]);
  }

  override async loadStateDict(
    state: ReadonlyMap<string, Tensor>,
    { marginUpdates = 0 }: HeadCounters = {},
  ): Promise<void> {
    await Promise.all([super.loadStateDict(state), this.concentration.ready()]);
    this.#updates = marginUpdates;
  }

  /** Frees its tensors and those of its estimator. */
  override dispose(): void {
    super.dispose();
    this.kappa.dispose();
    this.concentration.dispose();
  }
}
