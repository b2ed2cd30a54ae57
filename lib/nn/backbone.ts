import type { RankGroup } from '../distributed/rank-group';
import type { LayerTrace } from '../native/contract';
import type { Tensor } from '../tensor/tensor';
import type { NamedTensors, Stateful } from './module';

/** What every backbone says of itself. */
export interface BackboneShape {
  /** Dimensions of the embeddings. */
  readonly embeddingSize: number;
  /** Side of the square images in pixels. */
  readonly imageSize: number;
  /** Where the parameters are: `cpu`, `cuda` or `cuda:N`. */
  readonly device: string;
}

/** A network from images to embeddings: what training, evaluation and concentration know of one. */
export interface Backbone extends Stateful, Disposable {
  readonly options: BackboneShape;
  /** Whether batches are normalised by their own statistics, and dropout is on. */
  readonly training: boolean;
  /** Chooses training behaviour (batch statistics, dropout). */
  train(on?: boolean): this;
  /** Chooses evaluation behaviour (running statistics, no dropout). */
  eval(): this;
  /**
   * Computes embeddings.
   *
   * @param images float32 (batch, 3, imageSize, imageSize), values -1 to 1
   * @returns float32 (batch, embeddingSize), not normalised
   */
  forward(images: Tensor): Promise<Tensor>;
  /** What the optimizer updates. */
  parameters(): Tensor[];
  /** The same, by the names that a checkpoint has. */
  namedParameters(): NamedTensors;
  /** A network of the same shape with weights of its own, drawn anew. */
  like(): Backbone;
  /** A network of its own with the same weights. */
  clone(): Promise<Backbone>;
  /**
   * Moves every parameter by p <- momentum p + (1 - momentum) p_source and copies the running statistics.
   *
   * @param source a network of the same kind and shape
   */
  follow(source: Backbone, momentum: number): Promise<void>;
  /** Copies the running statistics aside. */
  keepBuffers(): Promise<void>;
  /** Brings back the running statistics of the last `keepBuffers`, after a batch whose values were not finite. */
  restoreBuffers(): Promise<void>;
  /**
   * Makes the running statistics what one rank would have that had made the forward passes of all ranks since
   * `keepBuffers`, rank by rank; all ranks call it, after as many passes.
   */
  mergeStatistics(group: RankGroup): Promise<void>;
  /** From now on batches are normalised over those of all ranks (SyncBatchNorm); undefined: over this rank's. */
  normalizeOver(group: RankGroup | undefined): Promise<void>;
  /**
   * Looks at what every layer gives while something runs: for the question why a step failed. Slow.
   *
   * @param work makes forward and backward passes
   */
  traced(work: () => Promise<unknown>): Promise<LayerTrace>;
  /** Frees its tensors once the operations queued before have run. */
  dispose(): void;
}
