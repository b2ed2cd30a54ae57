import { KappaError, argumentError } from '../errors';
import { noGrad, submit } from '../native/submit';
import { IResNet } from '../nn/iresnet';
import type { NamedTensors } from '../nn/module';
import type { Tensor } from '../tensor/tensor';
import { scope } from '../tensor/scope';
import { ClassSums } from './class-sums';
import type { ConcentrationEstimator, ObservedBatch } from './estimator';

export interface MomentumEncoderOptions {
  numClasses: number;
  /** The network to follow. */
  backbone: IResNet;
  /** p_k <- momentum p_k + (1 - momentum) p_q after each step; 0.9 by default. */
  momentum?: number;
}

/**
 * A slowly following copy of the backbone, run in evaluation mode on the same batches. Needs class sums only: the
 * memory does not grow with the number of images.
 */
export class MomentumEncoder implements ConcentrationEstimator {
  readonly kind = 'momentum';
  readonly momentum: number;
  readonly #backbone: IResNet;
  readonly #encoder: IResNet;
  readonly #classes: ClassSums;
  readonly #copied: Promise<void>;

  constructor(options: MomentumEncoderOptions) {
    const { numClasses, backbone, momentum = 0.9 } = options;
    if (!(momentum >= 0 && momentum < 1)) throw argumentError('momentum', 'a number in [0, 1)', momentum);
    this.momentum = momentum;
    this.#backbone = backbone;
    this.#encoder = new IResNet(backbone.options).eval();
    this.#classes = new ClassSums(numClasses, backbone.options.embeddingSize);
    this.#copied = this.#encoder.loadState(backbone.state());
    this.#copied.catch(() => undefined); // reported by ready()
  }

  get sums(): Tensor {
    return this.#classes.sums;
  }

  get counts(): Tensor {
    return this.#classes.counts;
  }

  async update(batch: ObservedBatch): Promise<void> {
    const { images, labels } = batch;
    if (!images) throw new KappaError('ERR_ARGUMENT', 'The momentum encoder needs the images of the batch.');
    await this.ready();
    await scope(async () => {
      await this.#encoder.follow(this.#backbone, this.momentum);
      const embeddings = await noGrad(() => this.#encoder.forward(images));
      await submit((addon) =>
        addon.addToClassSums(this.sums.handle, this.counts.handle, embeddings.handle, labels.handle),
      );
    });
  }

  /** The sums are of one epoch. */
  async nextEpoch(): Promise<void> {
    await this.#classes.clear();
  }

  state(): NamedTensors {
    const encoder = [...this.#encoder.state()].map(([name, tensor]) => [`encoder.${name}`, tensor] as const);
    return new Map([['momentum.sums', this.sums], ['momentum.counts', this.counts], ...encoder]);
  }

  async ready(): Promise<void> {
    await this.#copied;
    await this.#classes.ready();
  }

  dispose(): void {
    this.#classes.dispose();
    this.#encoder.dispose();
  }
}
