// A run through the Trainer on one rank, for the tests that let runs go on with other ranks.
import { setTimeout as delay } from 'node:timers/promises';

import { Trainer, liveTensors, type Config, type LiveTensors } from '../../lib';
import type { ProcessGroup } from '../../lib/distributed/process-group';
import { tinyConfig } from '../support/tiny-run';

export interface TrainerRunOptions {
  faces: string;
  output: string;
  changes: Partial<Config>;
  resume?: string | boolean;
  /** A rank that is told to stop, and the step in which it hears of it. */
  interrupt?: { rank: number; step: number };
  /** Changes of one rank only. */
  differing?: { rank: number; changes?: Partial<Config>; folder?: string };
  /** Steps after which the tensors are counted. */
  countAt?: number[];
  /** A failure ends the process later than this, in milliseconds: the others must not depend on its end. */
  linger?: number;
}

export interface TrainerRunResult {
  folder: string;
  interrupted: boolean;
  steps: number;
  /** Of the first rank. */
  losses: number[];
  margins: number[];
  /** Tensors at the counted steps. */
  live: LiveTensors[];
}

/** Trains on a rank, or alone. */
export async function trainerRun(
  group: ProcessGroup | undefined,
  options: TrainerRunOptions,
): Promise<TrainerRunResult> {
  const { faces, output, changes, resume, interrupt, differing, countAt = [], linger = 0 } = options;
  const rank = group?.rank ?? 0;
  const isDiffering = differing?.rank === rank;
  if (isDiffering && differing.folder !== undefined) process.chdir(differing.folder);
  const config = tinyConfig(faces, output, { ...changes, ...(isDiffering ? differing.changes : {}) });
  const controller = new AbortController();
  const live: LiveTensors[] = [];
  const atStep = (step: number): void => {
    if (countAt.includes(step)) live.push(liveTensors());
    if (interrupt?.rank === rank && step >= interrupt.step) controller.abort();
  };
  const losses: number[] = [];
  const margins: number[] = [];
  if (group) {
    // Only the first rank reports its steps; all say which one they begin.
    const begin = group.atStep.bind(group);
    group.atStep = (step) => {
      atStep(step);
      return begin(step);
    };
  }
  try {
    const result = await new Trainer(config, {
      group,
      resume,
      signal: controller.signal,
      onStep: (report) => {
        losses.push(report.loss);
        margins.push(report.margins.mean);
        if (!group) atStep(report.step + 1);
      },
    }).run();
    return {
      folder: result.folder,
      interrupted: result.interrupted,
      steps: result.steps,
      losses,
      margins,
      live,
    };
  } catch (error) {
    await delay(linger);
    throw error;
  }
}
