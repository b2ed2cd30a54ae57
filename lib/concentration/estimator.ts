import type { ClassRange } from '../distributed/class-range';
import type { RankGroup } from '../distributed/rank-group';
import type { NamedTensors } from '../nn/module';
import type { Tensor } from '../tensor/tensor';

/** A training batch as the estimators of concentration see it. */
export interface ObservedBatch {
  /** float32 (batch, 3, side, side), what the backbone saw. */
  images?: Tensor;
  /** float32 (batch, embeddingSize), what the backbone made of it. */
  embeddings?: Tensor;
  /** int64 (batch), global class of each sample. */
  labels: Tensor;
  /** int64 (batch), position of each sample in the training set. */
  sampleIndex?: Tensor;
}

/** How the classes of an estimator are spread over the ranks of a run. */
export interface SpreadClasses {
  /** Those that this rank keeps. @default all */
  classes?: ClassRange;
  /** The ranks, which update together; each has the batches of its own. @default none but this process */
  group?: RankGroup;
}

/** Collects the directions of each class's embeddings over an epoch. */
export interface ConcentrationEstimator {
  readonly kind: 'memory' | 'momentum';
  /**
   * Takes in what one step of the optimizer was made of; call it once a step, after the optimizer. In a group every rank
   * calls it with its own batches, as many and as large on all, and keeps what concerns its own classes: the same as if
   * one rank had been given the batches of all, rank by rank.
   *
   * @throws KappaError `ERR_PEER` where another rank refuses the step
   */
  update(...batches: readonly ObservedBatch[]): Promise<void>;
  /** Sums of unit embeddings, float64 (own classes, embeddingSize). */
  readonly sums: Tensor;
  /** Embeddings in each sum, int64 (own classes). */
  readonly counts: Tensor;
  /** Begins a new epoch. */
  nextEpoch(): Promise<void>;
  /** Everything a checkpoint must hold. */
  stateDict(): NamedTensors;
  /** Waits for the initial state. */
  ready(): Promise<void>;
  /** Frees its tensors once the operations queued before have run. */
  dispose(): void;
}
