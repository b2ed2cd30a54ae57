import { loadConfig } from '../config';
import { TrainingProgress } from '../report/console/progress';
import { formatTable } from '../report/console/table';
import { formatSeconds } from '../report/console/text';
import { Trainer } from '../train/trainer';
import type { RunPlan, TrainResult } from '../train/events';
import type { ValidationResult } from '../run/run-state';

export interface TrainCommandOptions {
  /** Overrides of the config, `path.to.field=value`. */
  set: string[];
  /** Continue from the last checkpoint (true) or from a given one. */
  resume?: string | boolean;
  /** Folder that holds the runs. */
  output?: string;
  json?: boolean;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** `kappa train`: trains a config and shows how it goes. Resolves to the exit code. */
export async function trainCommand(configPath: string, options: TrainCommandOptions): Promise<number> {
  const overrides =
    options.output === undefined ? options.set : [...options.set, `output=${JSON.stringify(options.output)}`];
  const config = await loadConfig(configPath, overrides);
  const view = new TrainView();
  const interruption = new Interruption((text) => view.message(text));
  try {
    const trainer = new Trainer(config, {
      resume: options.resume,
      signal: interruption.signal,
      onPlan: (plan) => view.begin(plan),
      onStep: (report) => view.progress?.update(report),
      onValidation: (result, isBest) => view.validation(result, isBest),
      onMessage: (text) => view.message(text),
    });
    const result = await trainer.run();
    view.end(result);
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    return result.interrupted ? interruption.exitCode : 0;
  } finally {
    view.progress?.stop();
    interruption.end();
  }
}

/** Turns the first SIGINT or SIGTERM into an orderly end and a second one into an immediate one. */
class Interruption {
  readonly #controller = new AbortController();
  readonly #say: (text: string) => void;
  exitCode = 1;

  constructor(say: (text: string) => void) {
    this.#say = say;
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    this.exitCode = exitCodes[name as keyof typeof exitCodes];
    if (this.signal.aborted) process.exit(this.exitCode);
    this.#say(`${name}: writing a checkpoint after this step (once more to leave at once) ...`);
    this.#controller.abort();
  };
}

/** What a person sees of a run, on stderr. */
class TrainView {
  progress: TrainingProgress | undefined;

  begin(plan: RunPlan): void {
    this.message(`Training on ${plan.images} images of ${plan.classes} identities (${plan.root})`);
    this.message(`Run folder: ${plan.folder}`);
    if (plan.resumedFrom) this.message(`Resumed from ${plan.resumedFrom}, step ${plan.firstStep}`);
    this.progress = new TrainingProgress(process.stderr, plan);
    this.progress.start(plan.firstStep);
  }

  message(text: string): void {
    if (this.progress) this.progress.message(text);
    else process.stderr.write(`${text}\n`);
  }

  validation(result: ValidationResult, isBest: boolean): void {
    const sets = Object.values(result.verification).map(
      ({ name, accuracy, std }) => `${name} ${percent(accuracy)} +- ${percent(std)}`,
    );
    this.message(`step ${result.step}: ${sets.join(', ')}${isBest ? ' (best so far)' : ''}`);
  }

  end(result: TrainResult): void {
    this.progress?.stop();
    this.progress = undefined;
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
}

function percent(share: number | undefined): string {
  return share === undefined ? '-' : `${(share * 100).toFixed(2)}%`;
}
