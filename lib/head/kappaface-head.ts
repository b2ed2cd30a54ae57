import type { ConcentrationEstimator, ObservedBatch } from '../concentration/estimator';
import { computeClassMargins } from '../concentration/margins';
import type { ClassMargins, MarginRule } from '../concentration/margins';
import { MemoryBuffer } from '../concentration/memory-buffer';
import { MomentumEncoder } from '../concentration/momentum-encoder';
import { KappaError, argumentError } from '../errors';
import type { IResNet } from '../nn/iresnet';
import type { NamedTensors } from '../nn/module';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import { MarginHead } from './margin-head';
import type { ForwardOptions, MarginHeadOptions } from './margin-head';

/** How the embeddings of each class are collected. */
export type ConcentrationOptions =
  | { kind: 'memory'; alpha?: number; storage?: 'float32' | 'bfloat16' }
  | { kind: 'momentum'; backbone: IResNet; momentum?: number };

export interface KappaFaceHeadOptions extends Omit<MarginHeadOptions, 'numClasses'>, MarginRule {
  /** Images of each class in the training set. */
  samplesPerClass: ArrayLike<number>;
  /** Full margin m0 in radians; 0.8 by default. */
  margin?: number;
  /** Memory buffer by default. */
  concentration?: ConcentrationOptions;
  /** psi of every class before the first update; 1 by default. */
  initialMarginScale?: number;
  /** Updates over which psi moves linearly from its initial to its estimated value; 0 jumps there. */
  blendEpochs?: number;
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
  /** Concentration of each class at the last update of the margins, float64 (numClasses); zeros before. */
  readonly kappa: Tensor;
  readonly #samplesPerClass: ArrayLike<number>;
  readonly #kappaReady: Promise<void>;
  #updates = 0;

  constructor(options: KappaFaceHeadOptions) {
    const { samplesPerClass, margin = 0.8, initialMarginScale = 1, blendEpochs = 0 } = options;
    super(
      { ...options, numClasses: samplesPerClass.length },
      { kind: 'angular', margin: margin * initialMarginScale },
    );
    if (!(blendEpochs >= 0)) throw argumentError('blendEpochs', 'a number of 0 or more', blendEpochs);
    this.margin = margin;
    this.initialMarginScale = initialMarginScale;
    this.blendEpochs = blendEpochs;
    this.#samplesPerClass = samplesPerClass;
    this.rule = {
      temperature: options.temperature ?? 0.4,
      gamma: options.gamma ?? 0.7,
      convention: options.convention ?? 'official',
      debias: options.debias ?? false,
    };
    if (!(this.rule.gamma >= 0 && this.rule.gamma <= 1)) {
      throw argumentError('gamma', 'a number from 0 to 1', this.rule.gamma);
    }
    this.kappa = Tensor.empty([this.numClasses], { dtype: 'float64' }).keep();
    this.#kappaReady = this.kappa.fill(0);
    this.#kappaReady.catch(() => undefined); // reported by updateMargins
    this.concentration = this.#makeEstimator(options.concentration ?? { kind: 'memory' });
  }

  #makeEstimator(options: ConcentrationOptions): ConcentrationEstimator {
    if (options.kind === 'momentum') {
      if (options.backbone.options.embeddingSize !== this.embeddingSize) {
        throw new KappaError(
          'ERR_SHAPE',
          `The backbone makes embeddings of dimension ${options.backbone.options.embeddingSize} but the head has ${this.embeddingSize}.`,
        );
      }
      return new MomentumEncoder({ ...options, numClasses: this.numClasses });
    }
    let numSamples = 0;
    for (let i = 0; i < this.numClasses; i++) numSamples += this.#samplesPerClass[i] ?? 0;
    return new MemoryBuffer({
      ...options,
      numClasses: this.numClasses,
      embeddingSize: this.embeddingSize,
      numSamples,
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
   * Takes in a batch for the estimate of concentration, once a step after the optimizer. Not needed for the memory
   * buffer where `forward` was given `sampleIndex`.
   */
  observe(batch: ObservedBatch): Promise<void> {
    return this.concentration.update(batch);
  }

  /** Whether any embedding was collected that `updateMargins` could go by. */
  async hasObserved(): Promise<boolean> {
    await this.concentration.ready();
    return scope(async () => (await (await this.concentration.counts.sum()).item()) > 0);
  }

  /** What is known of the classes now, without changing a margin. The caller owns the tensors. */
  async classMargins(): Promise<ClassMargins> {
    await this.concentration.ready();
    return scope(async () => {
      const samples = await Tensor.from(Float64Array.from(this.#samplesPerClass));
      return computeClassMargins(this.concentration.sums, this.concentration.counts, samples, this.rule);
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
      const blended = await (await marginScale.mul(share)).add((1 - share) * this.initialMarginScale);
      await this.margins.copyFrom(await blended.mul(this.margin));
      await this.concentration.nextEpoch();
    });
  }

  /** psi of every class as it is in force. */
  async marginScale(): Promise<number[]> {
    if (this.margin === 0) return new Array<number>(this.numClasses).fill(this.initialMarginScale);
    return scope(async () => (await this.margins.div(this.margin)).toArray());
  }

  override state(): NamedTensors {
    return new Map([...super.state(), ['kappa', this.kappa], ...this.concentration.state()]);
  }

  override async loadState(state: ReadonlyMap<string, Tensor>, updates = 0): Promise<void> {
    await Promise.all([super.loadState(state), this.concentration.ready()]);
    this.#updates = updates;
  }

  override dispose(): void {
    super.dispose();
    this.kappa.dispose();
    this.concentration.dispose();
  }
}
