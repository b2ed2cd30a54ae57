import { allClasses } from '../distributed/class-range';
import type { RankGroup } from '../distributed/rank-group';
import { KappaError } from '../errors';
import { noGrad, submit } from '../native/submit';
import type { Backbone } from '../nn/backbone';
import type { NamedTensors } from '../nn/module';
import { resolveOptions } from '../options/check';
import type { Tensor } from '../tensor/tensor';
import { scope } from '../tensor/scope';
import { ClassSums } from './class-sums';
import type { ConcentrationEstimator, ObservedBatch, SpreadClasses } from './estimator';
import type { MomentumOptions } from './option-types';
import { momentumOptions } from './options';

/** What makes a {@link MomentumEncoder}: `p_k <- momentum p_k + (1 - momentum) p_q` after each step of the optimizer. */
export interface MomentumEncoderOptions extends MomentumOptions, SpreadClasses {
  /** Of all ranks. */
  numClasses: number;
  /** The network to follow. */
  backbone: Backbone;
}

/**
 * A slowly following copy of the backbone, run in evaluation mode on the same batches. Needs class sums only: the
 * memory does not grow with the number of images.
 */
export class MomentumEncoder implements ConcentrationEstimator {
  readonly kind = 'momentum';
  readonly momentum: number;
  readonly #backbone: Backbone;
  readonly #encoder: Backbone;
  readonly #classes: ClassSums;
  readonly #group: RankGroup | undefined;
  readonly #copied: Promise<void>;

  constructor(options: MomentumEncoderOptions) {
    const { numClasses, backbone, classes = allClasses(numClasses), group, ...rest } = options;
    const { momentum } = resolveOptions(momentumOptions(), rest);
    this.momentum = momentum;
    this.#backbone = backbone;
    this.#encoder = backbone.like().eval();
    this.#group = group;
    this.#classes = new ClassSums(classes, numClasses, backbone.options.embeddingSize);
    this.#copied = this.#encoder.loadStateDict(backbone.stateDict());
    this.#copied.catch(() => undefined); // reported by ready()
  }

  get sums(): Tensor {
    return this.#classes.sums;
  }

  get counts(): Tensor {
    return this.#classes.counts;
  }

  /** Moves once, however many batches the step was made of. */
  async update(...batches: readonly ObservedBatch[]): Promise<void> {
    if (batches.some(({ images }) => !images))
      throw new KappaError('ERR_ARGUMENT', 'The momentum encoder needs the images of the batch.');
    if (batches.length === 0) return;
    await this.ready();
    await this.#encoder.follow(this.#backbone, this.momentum);
    await scope(async () => {
      const embeddings: Tensor[] = [];
      for (const { images } of batches)
        embeddings.push(await noGrad(() => this.#encoder.forward(images as Tensor)));
      await this.#addToSums(
        embeddings,
        batches.map(({ labels }) => labels),
      );
    });
  }

  async #addToSums(embeddings: readonly Tensor[], labels: readonly Tensor[]): Promise<void> {
    const { classes, numClasses, sums, counts } = this.#classes;
    const to = { sums: sums.handle, counts: counts.handle, classes: { ...classes, total: numClasses } };
    const step = {
      embeddings: embeddings.map(({ handle }) => handle),
      labels: labels.map(({ handle }) => handle),
      indices: [],
    };
    await submit((addon) => addon.addToClassSums(to, step, this.#group?.handle ?? null));
  }

  /** The sums are of one epoch. */
  async nextEpoch(): Promise<void> {
    await this.#classes.clear();
  }

  stateDict(): NamedTensors {
    const encoder = [...this.#encoder.stateDict()].map(
      ([name, tensor]) => [`encoder.${name}`, tensor] as const,
    );
    return new Map([['momentum.sums', this.sums], ['momentum.counts', this.counts], ...encoder]);
  }

  /** @deprecated use {@link stateDict} */
  state(): NamedTensors {
    return this.stateDict();
  }

  async ready(): Promise<void> {
    await this.#copied;
    await this.#classes.ready();
  }

  /** Frees its tensors once the operations queued before have run. */
  dispose(): void {
    this.#classes.dispose();
    this.#encoder.dispose();
  }
}
