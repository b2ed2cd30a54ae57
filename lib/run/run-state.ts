import type { HeadCounters } from '../head/margin-head';
import type { VerificationResult } from '../eval/metrics/verification';
import type { GradScalerState } from '../optim/grad-scaler';

/** What one round of verification came to. */
export interface ValidationResult {
  step: number;
  /** Mean accuracy over the sets: what the best checkpoint is chosen by. */
  meanAccuracy: number;
  verification: Record<string, VerificationResult>;
}

/** Where a run stands, besides its tensors: the part of a checkpoint that is JSON. */
export interface RunState {
  /** Optimizer steps tried so far. */
  step: number;
  /** The epoch that the next step belongs to, from 0. */
  epoch: number;
  /** The batches that a step is made of on all ranks together; null in a state that an older version wrote. */
  batches: { size: number; perStep: number } | null;
  /** Optimizer steps of that epoch done. */
  stepInEpoch: number;
  /** What the head counts, see {@link MarginHead.counters}. */
  headCounters: HeadCounters;
  /** Steps without an update, because loss or gradient were not finite. */
  skippedSteps: number;
  /** The same, in a row up to now. */
  skippedInARow: number;
  /** Of a run in float16. */
  lossScaler: GradScalerState | null;
  /** Damaged images that were replaced. */
  replacedImages: number;
  /** Seconds spent training. */
  seconds: number;
  /** Sums since the last line of metrics. */
  window: { steps: number; loss: number; targetCosine: number };
  best: ValidationResult | null;
  last: ValidationResult | null;
  /** The verification of this step was interrupted: it is made up for before the next step. */
  verificationDue: boolean;
}

export function initialRunState(): RunState {
  return {
    step: 0,
    epoch: 0,
    batches: null,
    stepInEpoch: 0,
    headCounters: {},
    skippedSteps: 0,
    skippedInARow: 0,
    lossScaler: null,
    replacedImages: 0,
    seconds: 0,
    window: { steps: 0, loss: 0, targetCosine: 0 },
    best: null,
    last: null,
    verificationDue: false,
  };
}

/** A run's state as it is now, of one that an older version may have written. */
export function currentRunState({
  marginUpdates = 0,
  ...run
}: RunState & { marginUpdates?: number }): RunState {
  return { ...run, batches: run.batches ?? null, headCounters: run.headCounters ?? { marginUpdates } };
}
