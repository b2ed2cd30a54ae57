import type { ProcessGroup } from '../distributed/process-group';
import type { DifficultyReport } from './difficulty';
import type { StepResult } from './step';
import type { ValidationResult } from '../run/run-state';

/** The margins psi m0 of the classes. */
export interface MarginStatistics {
  min: number;
  mean: number;
  max: number;
}

/** A run as it was set up. */
export interface RunPlan {
  folder: string;
  root: string;
  images: number;
  classes: number;
  epochs: number;
  totalSteps: number;
  /** Steps done before, in a resumed run. */
  firstStep: number;
  resumedFrom: string | undefined;
}

/** An optimizer step, for whoever shows progress. */
export interface StepReport extends StepResult {
  step: number;
  epoch: number;
  lr: number;
  imagesPerSecond: number;
  margins: MarginStatistics;
}

/** What a run tells while it goes on. All are optional. */
export interface TrainerHooks {
  /** Told once, before the first step. */
  onPlan?(plan: RunPlan): void;
  /** Told after every step. */
  onStep?(report: StepReport): void;
  /** Told after every verification; `isBest`: of all so far. */
  onValidation?(result: ValidationResult, isBest: boolean): void;
  /** Told the folder of every checkpoint that is complete. */
  onCheckpoint?(folder: string): void;
  /** Something worth a line: a warning, a skipped step, a set being drawn. */
  onMessage?(text: string): void;
}

/** What a {@link Trainer} is told besides its config. */
export interface TrainerOptions extends TrainerHooks {
  /** Continue a run: from its newest checkpoint (true) or from a given one. */
  resume?: boolean | string;
  /** Ends the run after the step under way, with a checkpoint; a verification is left and made up for on resume. */
  signal?: AbortSignal;
  /** The ranks that train together; all of them run the same config. @default this process alone */
  group?: ProcessGroup;
  /** What started several ranks, where that may start them again. */
  launch?: {
    /** The same at each start. */
    id: string;
    /** Whether they were started before: the run of that launch goes on, from its last checkpoint. */
    again: boolean;
  };
}

/** How a run ended; also `result.json`. */
export interface TrainResult {
  folder: string;
  /** Whether `signal` ended the run before its last step. */
  interrupted: boolean;
  steps: number;
  skippedSteps: number;
  seconds: number;
  best: ValidationResult | null;
  final: ValidationResult | null;
  /** Only for synthetic sets, where the difficulty of each class is known. */
  difficulty?: DifficultyReport;
}
