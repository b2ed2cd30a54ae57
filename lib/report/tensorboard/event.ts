import { Message } from './message';

/** How often which values were seen. */
export interface HistogramSummary {
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** Upper bound of each bucket, ascending. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

/** What happened at a step, in the form of TensorFlow's `event.proto`. */
export interface BoardEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  /** First event of a file. */
  readonly fileVersion?: string;
  /** The run goes on: what was written before of this step and of later ones does not count any more. */
  readonly isRestart?: boolean;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly histograms?: Readonly<Record<string, HistogramSummary>>;
}

const STATUS_START = 1;

/** Encodes `Event` { wall_time 1, step 2, file_version 3, summary 5, session_log 7 }. */
export function encodeEvent(event: BoardEvent): Buffer {
  const message = new Message().double(1, event.wallTime).varint(2, event.step);
  if (event.fileVersion !== undefined) message.string(3, event.fileVersion);
  const values = [
    ...Object.entries(event.scalars ?? {}).map(([tag, value]) =>
      new Message().string(1, tag).float(2, value),
    ),
    ...Object.entries(event.histograms ?? {}).map(([tag, histogram]) =>
      new Message().string(1, tag).message(5, histogramMessage(histogram)),
    ),
  ];
  if (values.length > 0) {
    const summary = new Message();
    for (const value of values) summary.message(1, value);
    message.message(5, summary);
  }
  if (event.isRestart) message.message(7, new Message().varint(1, STATUS_START));
  return message.encode();
}

function histogramMessage({ min, max, sum, sumOfSquares, limits, counts }: HistogramSummary): Message {
  const num = counts.reduce((total, count) => total + count, 0);
  return new Message()
    .double(1, min)
    .double(2, max)
    .double(3, num)
    .double(4, sum)
    .double(5, sumOfSquares)
    .doubles(6, limits)
    .doubles(7, counts);
}
