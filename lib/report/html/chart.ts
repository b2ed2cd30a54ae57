/** An axis of a chart. */
export interface Axis {
  readonly label: string;
  /** Logarithmic: values that are not above 0 are left out. */
  readonly isLog?: boolean;
  /** Shares, shown as percentages. */
  readonly isShare?: boolean;
  readonly min?: number;
  readonly max?: number;
}

/** A line, or points, of a chart; x ascending. */
export interface Series {
  readonly label: string;
  /** Which of the colours. */
  readonly colour: number;
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
  /** A band about y. */
  readonly low?: readonly number[];
  readonly high?: readonly number[];
  readonly isDashed?: boolean;
}

/** Histograms side by side: how much of each column is in which bin. */
export interface HeatMap {
  /** Middles of the columns. */
  readonly x: readonly number[];
  /** [bins + 1], ascending, the same for all columns. */
  readonly edges: readonly number[];
  /** [columns][bins] */
  readonly counts: readonly (readonly number[])[];
}

/** What the page draws. */
export interface Chart {
  /** Unique in the page: letters, digits, hyphens. */
  readonly id: string;
  readonly title: string;
  /** A sentence on how to read it. */
  readonly note?: string;
  readonly kind: 'lines' | 'steps' | 'points' | 'heat';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly heat?: HeatMap;
}

const DIGITS = 5;

/** Fewer digits than an eye could tell apart would show; more only fill the page. */
export function short(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
