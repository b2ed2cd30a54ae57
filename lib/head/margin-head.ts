import { argumentError } from '../errors';
import { submit } from '../native/submit';
import type { NamedTensors, Stateful } from '../nn/module';
import { loadState } from '../nn/module';
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
}

export interface ForwardOptions {
  /** int64 (batch), position of each sample in the training set: the memory buffer records the batch then. */
  sampleIndex?: Tensor;
}

const centreDeviation = 0.01;

/**
 * Softmax cross-entropy over the cosines to class centres, with a margin on the target logit. Forward and backward
 * are one analytic operation. Centres start as N(0, 0.01).
 */
export abstract class MarginHead implements Stateful {
  readonly numClasses: number;
  readonly embeddingSize: number;
  readonly scale: number;
  readonly beyondPi: 'extend' | 'none';
  /** Class centres (numClasses, embeddingSize), not normalised. */
  readonly centres: Tensor;
  /** Margin of each class (numClasses): radians, or cosine for CosFace. */
  readonly margins: Tensor;
  protected abstract readonly kind: 'angular' | 'cosine';
  readonly #ready: Promise<unknown>;

  protected constructor(options: MarginHeadOptions, margin: number) {
    const { numClasses, embeddingSize = 512, scale = 64, beyondPi = 'extend', dtype = 'float32' } = options;
    for (const [name, value] of Object.entries({ numClasses, embeddingSize })) {
      if (!Number.isSafeInteger(value) || value < 1)
        throw argumentError(name, 'a whole number above 0', value);
    }
    if (!(scale > 0)) throw argumentError('scale', 'a number above 0', scale);
    if (beyondPi !== 'extend' && beyondPi !== 'none')
      throw argumentError('beyondPi', "'extend' or 'none'", beyondPi);
    if (!(margin >= 0 && margin <= Math.PI)) throw argumentError('margin', 'a number from 0 to pi', margin);
    this.numClasses = numClasses;
    this.embeddingSize = embeddingSize;
    this.scale = scale;
    this.beyondPi = beyondPi;
    this.centres = Tensor.empty([numClasses, embeddingSize], { dtype }).keep();
    this.margins = Tensor.empty([numClasses], { dtype }).keep();
    this.#ready = Promise.all([this.centres.fillNormal(0, centreDeviation), this.margins.fill(margin)]);
    this.#ready.catch(() => undefined); // reported by the first forward
    this.centres.requiresGrad = true;
  }

  /**
   * Mean loss of a batch.
   *
   * @param embeddings (batch, embeddingSize), not normalised
   * @param labels int64 (batch)
   * @returns one element, differentiable by embeddings and centres
   * @throws KappaError `ERR_SHAPE`, `ERR_DTYPE`, `ERR_LABEL_RANGE`
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
    const inputs = [embeddings.handle, this.centres.handle, labels.handle, this.margins.handle] as const;
    const [[loss, cosines]] = await Promise.all([
      submit((addon) => addon.marginSoftmax(...inputs, this.scale, this.kind, this.beyondPi)),
      this.#ready,
    ]);
    return { loss: Tensor.wrap(loss), targetCosines: Tensor.wrap(cosines) };
  }

  /** What the optimizer updates. */
  parameters(): Tensor[] {
    return [this.centres];
  }

  state(): NamedTensors {
    return new Map([
      ['centres', this.centres],
      ['margins', this.margins],
    ]);
  }

  /** @throws KappaError `ERR_CHECKPOINT` */
  async loadState(state: ReadonlyMap<string, Tensor>): Promise<void> {
    await Promise.all([loadState(this.state(), state, 'head'), this.#ready]);
  }

  dispose(): void {
    this.centres.dispose();
    this.margins.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
