import { argumentError } from '../errors';
import { resolveOptions } from '../options/check';
import type { Input } from '../options/schema';
import { scheduleSection } from './options';
import type { OptimizerSection } from './options';

/** The length of a run and the rate that its schedule scales. */
export interface ScheduleOptions {
  /** Passes over the training set. */
  readonly epochs: number;
  /** Optimizer steps in an epoch. */
  readonly stepsPerEpoch: number;
  /** The full learning rate, already scaled to the global batch. */
  readonly baseLr: number;
}

/** The full rate of a run: that of the config, which is meant for another batch size, for the run's own. */
export function scaledLearningRate(
  { lr, referenceBatchSize }: Pick<OptimizerSection, 'lr' | 'referenceBatchSize'>,
  globalBatchSize: number,
): number {
  return (lr * globalBatchSize) / referenceBatchSize;
}

/**
 * Builds the learning rate of each optimizer step.
 *
 * With W warm-up steps and T steps in all, steps counted from 0: in the warm-up, step t has `(t + 1) / W` of the
 * full rate, so that its last step already has all of it and none has zero. Then
 * - `step`: the full rate times `factor` to the number of milestones (epochs counted from 0) that have begun;
 * - `polynomial`: the full rate times `(1 - (t - W) / (T - W))^power`, which is 1 at step W and 0 at step T.
 *
 * @param given `kind` (`step` by default) and its options, as in the section `schedule` of a config
 * @param options length of the run and full rate
 * @returns the rate of a step; it may be asked beyond the end of the run
 * @throws KappaError ERR_ARGUMENT
 */
export function createSchedule(
  given: Input<typeof scheduleSection>,
  { epochs, stepsPerEpoch, baseLr }: ScheduleOptions,
): (step: number) => number {
  if (!Number.isInteger(epochs) || epochs < 1)
    throw argumentError('epochs', 'a whole number above 0', epochs);
  if (!Number.isInteger(stepsPerEpoch) || stepsPerEpoch < 1)
    throw argumentError('stepsPerEpoch', 'a whole number above 0', stepsPerEpoch);
  if (!Number.isFinite(baseLr) || baseLr < 0) throw argumentError('baseLr', 'a number of at least 0', baseLr);
  const schedule = resolveOptions(scheduleSection(), given, 'schedule');
  const totalSteps = epochs * stepsPerEpoch;
  const warmupSteps = Math.round(schedule.warmupEpochs * stepsPerEpoch);
  const decay =
    schedule.kind === 'step'
      ? stepDecay(schedule.milestones, schedule.factor, stepsPerEpoch)
      : polynomialDecay(schedule.power, warmupSteps, totalSteps);
  return (step) => {
    if (!Number.isInteger(step) || step < 0)
      throw argumentError('step', 'a whole number of at least 0', step);
    return step < warmupSteps ? (baseLr * (step + 1)) / warmupSteps : baseLr * decay(step);
  };
}

function stepDecay(
  milestones: readonly number[],
  factor: number,
  stepsPerEpoch: number,
): (step: number) => number {
  const starts = milestones.map((epoch) => epoch * stepsPerEpoch);
  return (step) => factor ** starts.filter((start) => start <= step).length;
}

function polynomialDecay(power: number, warmupSteps: number, totalSteps: number): (step: number) => number {
  const steps = Math.max(1, totalSteps - warmupSteps);
  return (step) => Math.max(0, 1 - (step - warmupSteps) / steps) ** power;
}
