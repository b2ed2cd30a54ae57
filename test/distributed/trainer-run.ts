// A run through the Trainer on one rank, for the tests that let runs go on with other ranks.
import { Trainer, type Config } from '../../lib';
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
  /** Folder that the others are in. */
  common?: string;
}

export interface TrainerRunResult {
  folder: string;
  interrupted: boolean;
  steps: number;
  /** Of the first rank. */
  losses: number[];
  margins: number[];
}

/** Trains on a rank, or alone. */
export async function trainerRun(
  group: ProcessGroup | undefined,
  options: TrainerRunOptions,
): Promise<TrainerRunResult> {
  const { faces, output, changes, resume, interrupt, differing, common } = options;
  const rank = group?.rank ?? 0;
  const isDiffering = differing?.rank === rank;
  const place = (isDiffering ? differing.folder : undefined) ?? common;
  if (place !== undefined) process.chdir(place);
  const config = tinyConfig(faces, output, { ...changes, ...(isDiffering ? differing.changes : {}) });
  const controller = new AbortController();
  const atStep = (step: number): void => {
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
  const result = await new Trainer(config, {
    group,
    resume,
    signal: controller.signal,
    onStep: (report) => {
      losses.push(report.loss);
      margins.push(report.margins.mean);
      if (!group) atStep(report.step);
    },
  }).run();
  return {
    folder: result.folder,
    interrupted: result.interrupted,
    steps: result.steps,
    losses,
    margins,
  };
}
