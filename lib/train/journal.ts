import { messageOf } from '../errors';
import type { BoardEvent, HistogramSummary } from '../report/tensorboard/event';
import type { EventFile } from '../report/tensorboard/event-file';
import { CLASS_STATISTICS_FILE, type ClassStatistics, type ValueHistogram } from '../run/class-statistics';
import { MetricsLog, type MetricsRecord } from '../run/metrics-log';
import type { RunFolder } from '../run/run-folder';
import type { ValidationResult } from '../run/run-state';

/** The folder of a run that TensorBoard is pointed to. */
const BOARD_FOLDER = 'tensorboard';

/** A line of a step in metrics.jsonl. */
export interface StepRecord extends MetricsRecord {
  readonly epoch: number;
  readonly loss: number;
  readonly targetCosine: number;
  readonly lr: number;
  readonly gradNorm: number;
  readonly imagesPerSecond: number;
  readonly margins: Readonly<Record<'min' | 'mean' | 'max', number>>;
}

/** Where the journal of a run goes on. */
export interface JournalPlace {
  /** The last step whose entries stay. */
  step: number;
  /** Whether the verification of that step was made. */
  verified: boolean;
  /** Whether it is kept for TensorBoard, too. */
  tensorboard: boolean;
  /** Told where TensorBoard's files cannot be written: a run goes on without. */
  say: (text: string) => void;
}

/** What a run writes down as it goes: metrics.jsonl, margins.jsonl, and the same for TensorBoard. */
export class Journal {
  readonly #folder: RunFolder;
  readonly #metrics: MetricsLog;
  readonly #margins: MetricsLog;
  #board: EventFile | undefined;
  #say: (text: string) => void = () => undefined;

  private constructor(folder: RunFolder, metrics: MetricsLog, margins: MetricsLog) {
    this.#folder = folder;
    this.#metrics = metrics;
    this.#margins = margins;
  }

  /** @throws KappaError `ERR_IO`; `ERR_DATA_CORRUPT` if a line before the last of a file is damaged */
  static open(folder: RunFolder): Journal {
    const metrics = MetricsLog.open(folder.path('metrics.jsonl'));
    try {
      return new Journal(folder, metrics, MetricsLog.open(folder.path(CLASS_STATISTICS_FILE)));
    } catch (error) {
      metrics.close();
      throw error;
    }
  }

  /** Drops what belongs to later steps, as a run does that is resumed. @throws KappaError `ERR_IO` */
  async goOn({ step, verified, tensorboard, say }: JournalPlace): Promise<void> {
    this.#say = say;
    this.#metrics.truncateAfter(step, verified);
    this.#margins.truncateAfter(step);
    if (!tensorboard) return;
    const { EventFile } = await import('../report/tensorboard/event-file');
    this.#forBoard(() => {
      this.#board = EventFile.create(this.#folder.path(BOARD_FOLDER), step > 0 ? step : undefined);
    });
  }

  /** A line of metrics. @throws KappaError `ERR_IO` */
  step(record: StepRecord): void {
    this.#metrics.append(record);
    const { step, loss, targetCosine, lr, gradNorm, imagesPerSecond, margins } = record;
    const train = { loss, targetCosine, lr, gradNorm, imagesPerSecond };
    this.#show({ step, scalars: { ...underName('train', train), ...underName('margin', margins) } });
  }

  /** A verification. @throws KappaError `ERR_IO` */
  verification(epoch: number, { step, verification }: ValidationResult): void {
    this.#metrics.append({ step, epoch, verification });
    const scalars: Record<string, number> = {};
    for (const [set, result] of Object.entries(verification)) {
      scalars[`accuracy/${set}`] = result.accuracy;
      scalars[`tar@far=1e-3/${set}`] = result.val;
    }
    this.#show({ step, scalars });
  }

  /** Concentrations and margins at the end of an epoch. @throws KappaError `ERR_IO` */
  classes(statistics: ClassStatistics): void {
    this.#margins.append(statistics);
    const { step, classes, kappa, margin } = statistics;
    const histograms = {
      'classes/kappa': summaryOf(kappa, classes),
      'classes/margin': summaryOf(margin, classes),
    };
    this.#show({ step, histograms });
  }

  /** Waits until the disk has every line. @throws KappaError `ERR_IO` */
  sync(): void {
    this.#metrics.sync();
    this.#margins.sync();
  }

  /** May be called twice. */
  close(): void {
    this.#metrics.close();
    this.#margins.close();
    this.#board?.close();
    this.#board = undefined;
  }

  #show(event: Omit<BoardEvent, 'wallTime'>): void {
    this.#forBoard(() => this.#board?.append(event));
  }

  /** What only TensorBoard needs ends no run. */
  #forBoard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#board?.close();
      this.#board = undefined;
      this.#say(`${messageOf(error)} Training goes on without TensorBoard.`);
    }
  }
}

function underName(group: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]));
}

function summaryOf({ min, mean, max, edges, counts }: ValueHistogram, classes: number): HistogramSummary {
  // Sums of squares are of the middles of the bins: TensorBoard shows none of them.
  const sumOfSquares = counts.reduce(
    (sum, count, i) => sum + count * ((edges[i]! + edges[i + 1]!) / 2) ** 2,
    0,
  );
  return { min, max, sum: mean * classes, sumOfSquares, limits: edges.slice(1), counts };
}
