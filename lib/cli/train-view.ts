import { TrainingProgress } from '../report/console/progress';
import { formatTable } from '../report/console/table';
import { formatSeconds } from '../report/console/text';
import type { RunPlan, StepReport, TrainResult } from '../train/events';
import type { ValidationResult } from '../run/run-state';
import { say } from './output';

/** What a person sees of a run, on stderr. */
export class TrainView {
  #progress: TrainingProgress | undefined;

  begin(plan: RunPlan): void {
    this.message(`Training on ${plan.images} images of ${plan.classes} identities (${plan.root})`);
    this.message(`Run folder: ${plan.folder}`);
    if (plan.resumedFrom) this.message(`Resumed from ${plan.resumedFrom}, step ${plan.firstStep}`);
    this.#progress = new TrainingProgress(process.stderr, plan);
    this.#progress.start(plan.firstStep);
  }

  update(report: StepReport): void {
    this.#progress?.update(report);
  }

  message(text: string): void {
    if (this.#progress) this.#progress.message(text);
    else say(text);
  }

  validation(result: ValidationResult, isBest: boolean): void {
    const sets = Object.values(result.verification).map(
      ({ name, accuracy, std }) => `${name} ${percent(accuracy)} +- ${percent(std)}`,
    );
    this.message(`step ${result.step}: ${sets.join(', ')}${isBest ? ' (best so far)' : ''}`);
  }

  end(result: TrainResult): void {
    this.stop();
    const { best, final, difficulty } = result;
    if (result.interrupted) {
      this.message(`Interrupted at step ${result.steps}. Continue with --resume.`);
      return;
    }
    this.message(`\nDone: ${result.steps} steps in ${formatSeconds(result.seconds)}.`);
    if (best && final) {
      const rows = Object.keys(best.verification).map((name) => [
        name,
        percent(best.verification[name]?.accuracy),
        percent(final.verification[name]?.accuracy),
      ]);
      this.message(
        formatTable(
          ['verification', `best (step ${best.step})`, `final (step ${final.step})`],
          rows,
        ).trimEnd(),
      );
    }
    if (difficulty) {
      this.message(
        `Rank correlation of kappa and planted difficulty: ${difficulty.rankCorrelation.toFixed(3)} (${difficulty.classes} classes with at least ${difficulty.leastImages} images)`,
      );
    }
    if (result.skippedSteps > 0) this.message(`${result.skippedSteps} steps were skipped: not finite.`);
    this.message(`Results: ${result.folder}`);
  }

  /** Ends a bar that is under way. May be called twice. */
  stop(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }
}

function percent(share: number | undefined): string {
  return share === undefined ? '-' : `${(share * 100).toFixed(2)}%`;
}
