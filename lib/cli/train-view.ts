import { TrainingProgress } from '../report/console/progress';
import { formatTable } from '../report/console/table';
import { formatSeconds } from '../report/console/text';
import type { DryRunReport } from '../train/dry-run';
import type { RunPlan, StepReport, TrainResult } from '../train/events';
import type { ValidationResult } from '../run/run-state';
import { count, printText, say } from './output';

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

  /** What a dry run found; it ends with the word that all is well. */
  dryRun({ data, verification, disk, memory, step, ...run }: DryRunReport): void {
    const sets = verification.map(({ name, pairs }) => `${name} (${pairs} pairs)`);
    const where = run.resumedFrom ?? run.folder;
    const rows: [string, string][] = [
      ['data', `${data.images} images of ${data.classes} identities (${data.root})`],
      ['verification', sets.length === 0 ? 'none' : `${sets.join(', ')}: every image decodes`],
      [
        'run',
        `${run.totalSteps} steps, ${run.stepsPerEpoch} an epoch${where ? `; would go on from ${where}, step ${run.firstStep}` : ''}`,
      ],
      [
        'disk',
        `${megabytes(disk.neededBytes)} for checkpoints of ${megabytes(disk.checkpointBytes)}, ${megabytes(disk.freeBytes)} free (${disk.folder})`,
      ],
      [
        'memory',
        `parameters ${megabytes(memory.parameters)}, gradients ${megabytes(memory.gradients)}, optimizer ${megabytes(memory.optimizer)}, head ${megabytes(memory.head)}, activations ${megabytes(memory.activations)}, batches ${megabytes(memory.batches)}`,
      ],
      [
        '',
        `peak of the process about ${megabytes(memory.peak)} (in the step it had ${megabytes(memory.measuredPeak)}), ${megabytes(memory.available)} were free`,
      ],
      [
        'one step',
        `${step.seconds.toFixed(2)} s, ${step.imagesPerSecond.toFixed(1)} images/s, loss ${step.loss.toFixed(3)}, gradient ${step.gradNorm.toFixed(3)}, cosine ${step.targetCosine.toFixed(3)}`,
      ],
    ];
    for (const [name, text] of rows) printText(`${name.padEnd(14)}${text}`);
    printText('Dry run: all is well, nothing was written.');
  }

  /** Ends a bar that is under way. May be called twice. */
  stop(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }
}

function megabytes(bytes: number): string {
  return `${count(Math.ceil(bytes / 1e6))} MB`;
}

function percent(share: number | undefined): string {
  return share === undefined ? '-' : `${(share * 100).toFixed(2)}%`;
}
